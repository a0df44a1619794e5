CREATE TABLE expected (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    asked DOUBLE NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

CREATE TABLE prior_search (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    asked DOUBLE NOT NULL,
    attempts INTEGER NOT NULL,
    due DOUBLE,
    why JSON NOT NULL,
    PRIMARY KEY (archive, study_instance_uid)
);
