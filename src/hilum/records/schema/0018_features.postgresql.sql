CREATE TABLE feature_sample (
    archive VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    features BYTEA NOT NULL,
    PRIMARY KEY (archive, model, place)
);
