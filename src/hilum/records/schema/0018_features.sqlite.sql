CREATE TABLE feature_sample (
    archive VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    features BLOB NOT NULL,
    PRIMARY KEY (archive, model, place)
);
