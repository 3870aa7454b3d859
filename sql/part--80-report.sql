-- Jobs as others see them: a page, metrics.  They hold what the caller may see in the views.

CREATE FUNCTION weir.openmetrics(strict boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_openmetrics';
COMMENT ON FUNCTION weir.openmetrics(boolean)
IS 'metrics of all jobs in Prometheus''s text format, or strictly OpenMetrics';
