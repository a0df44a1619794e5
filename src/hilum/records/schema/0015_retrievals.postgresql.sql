CREATE TABLE expected (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    asked DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

COMMENT ON TABLE expected IS 'Images that were asked of another PACS and have not been taken up yet.';

CREATE TABLE prior_search (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    asked DOUBLE PRECISION NOT NULL,
    attempts INTEGER NOT NULL,
    due DOUBLE PRECISION,
    why JSON NOT NULL,
    PRIMARY KEY (archive, study_instance_uid)
);

COMMENT ON TABLE prior_search IS 'Studies whose priors are to be fetched; deleted once they are.';
