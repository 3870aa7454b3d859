-- What a database with version 0.1.0 needs to go with the library of 0.2.0.
\echo Use "ALTER EXTENSION weir UPDATE" to load this file. \quit
