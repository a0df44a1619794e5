CREATE TABLE points_used (
    number INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    actor VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    document VARCHAR NOT NULL,
    PRIMARY KEY (number)
);
