CREATE OR REPLACE FUNCTION outcomes_internal.text_of_template(template text, VARIADIC parts text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    FOR part IN 1 .. cardinality(parts) BY 2 LOOP
        template := replace(template, '{' || parts[part] || '}', parts[part + 1]);
    END LOOP;
    RETURN template;
END
$$;
COMMENT ON FUNCTION outcomes_internal.text_of_template IS 'A template with its {parts} put in: name, text, name, text.';
