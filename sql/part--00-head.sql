\echo Use "CREATE EXTENSION weir" to load this file. \quit
