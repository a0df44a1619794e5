CREATE TABLE anatomy (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    reference VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    asked DOUBLE NOT NULL,
    why VARCHAR NOT NULL,
    document BLOB,
    said JSON NOT NULL,
    results JSON NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

CREATE INDEX anatomy_by_state ON anatomy (state);
