CREATE TABLE points_used (
    number SERIAL NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    actor VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    document VARCHAR NOT NULL,
    PRIMARY KEY (number)
);

COMMENT ON TABLE points_used IS 'Operating points that were put to use, the last ones last. Rows are added only.';
