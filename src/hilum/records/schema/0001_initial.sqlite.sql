CREATE TABLE feed (
    archive VARCHAR NOT NULL,
    sequence INTEGER NOT NULL,
    anchor VARCHAR NOT NULL,
    PRIMARY KEY (archive)
);

CREATE TABLE image (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    file_digest VARCHAR,
    urgency VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reasons JSON NOT NULL,
    results JSON NOT NULL,
    result_instances JSON,
    run INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    arrived DOUBLE NOT NULL,
    started DOUBLE,
    settled DOUBLE,
    model VARCHAR,
    seconds JSON,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

CREATE INDEX image_by_arrival ON image (archive, arrived);

CREATE INDEX image_by_end ON image (state, settled, archive);

CREATE INDEX image_by_instance ON image (archive, instance_id);

CREATE INDEX image_by_state ON image (state, archive, arrived, urgency);

CREATE INDEX image_by_study ON image (archive, study_instance_uid, arrived);

CREATE INDEX image_by_uid ON image (archive, sop_instance_uid);

CREATE TABLE reading (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    run INTEGER NOT NULL,
    document BLOB NOT NULL,
    maps BLOB NOT NULL,
    maps_shape JSON NOT NULL,
    field_of_view JSON NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

CREATE TABLE forward (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    run INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    why VARCHAR NOT NULL,
    changed DOUBLE NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid, target)
);

CREATE INDEX forward_by_state ON forward (state, archive, changed);

CREATE TABLE worker (
    executor_id VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    started DOUBLE NOT NULL,
    beat DOUBLE NOT NULL,
    PRIMARY KEY (executor_id)
);

CREATE TABLE backfill (
    archive VARCHAR NOT NULL,
    "query" VARCHAR NOT NULL,
    "after" VARCHAR NOT NULL,
    studies INTEGER NOT NULL,
    images INTEGER NOT NULL,
    finished DOUBLE,
    PRIMARY KEY (archive, "query")
);

CREATE TABLE audit (
    number INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    detail JSON NOT NULL,
    chain VARCHAR NOT NULL,
    PRIMARY KEY (number)
);

CREATE INDEX audit_by_study ON audit (study_instance_uid);

CREATE TABLE study (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    patient_name VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    issuer VARCHAR NOT NULL,
    whole_name VARCHAR NOT NULL,
    birth_date VARCHAR NOT NULL,
    age_years DOUBLE,
    sex VARCHAR NOT NULL,
    accession_number VARCHAR NOT NULL,
    study_date VARCHAR NOT NULL,
    study_time VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    arrived DOUBLE NOT NULL,
    changed DOUBLE NOT NULL,
    rank INTEGER NOT NULL,
    due DOUBLE NOT NULL,
    urgency VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reasons JSON NOT NULL,
    images INTEGER NOT NULL,
    positives INTEGER NOT NULL,
    findings JSON NOT NULL,
    model JSON,
    cover VARCHAR NOT NULL,
    cover_series VARCHAR NOT NULL,
    reviewed DOUBLE,
    PRIMARY KEY (archive, study_instance_uid)
);

CREATE INDEX study_by_change ON study (archive, changed);

CREATE INDEX study_by_date ON study (archive, study_date);

CREATE INDEX study_by_patient ON study (archive, patient_id);

CREATE INDEX study_by_state ON study (archive, state, rank, due);

CREATE INDEX study_in_order ON study (archive, rank, due, study_instance_uid);

CREATE TABLE study_finding (
    archive VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    PRIMARY KEY (archive, label, study_instance_uid)
);

CREATE INDEX study_finding_by_study ON study_finding (archive, study_instance_uid);

CREATE TABLE study_word (
    archive VARCHAR NOT NULL,
    word VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    PRIMARY KEY (archive, word, study_instance_uid)
);

CREATE INDEX study_word_by_study ON study_word (archive, study_instance_uid, word);

CREATE TABLE thumbnail (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    picture BLOB NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

CREATE TABLE review (
    number INTEGER NOT NULL,
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    at DOUBLE NOT NULL,
    month VARCHAR NOT NULL,
    reader VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    model_sha256 VARCHAR NOT NULL,
    demonstration BOOLEAN NOT NULL,
    missing JSON NOT NULL,
    comment VARCHAR NOT NULL,
    report VARCHAR NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (report)
);

CREATE INDEX review_by_study ON review (archive, study_instance_uid);

CREATE TABLE review_finding (
    number INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    opinion VARCHAR NOT NULL,
    positive BOOLEAN NOT NULL,
    raw DOUBLE NOT NULL,
    operating_point DOUBLE NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (number, label)
);

CREATE TABLE user_account (
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    password VARCHAR NOT NULL,
    subject VARCHAR,
    created DOUBLE NOT NULL,
    signed_in DOUBLE,
    PRIMARY KEY (name),
    UNIQUE (subject)
);

CREATE TABLE session (
    "key" VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    csrf VARCHAR NOT NULL,
    began DOUBLE NOT NULL,
    seen DOUBLE NOT NULL,
    PRIMARY KEY ("key")
);

CREATE INDEX session_by_name ON session (name);

CREATE TABLE token (
    name VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    created DOUBLE NOT NULL,
    expires DOUBLE,
    used DOUBLE,
    PRIMARY KEY (name),
    UNIQUE ("key")
);

CREATE TABLE login_attempt (
    number INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    name VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    PRIMARY KEY (number)
);

CREATE INDEX login_attempt_by_time ON login_attempt (at);

CREATE TABLE drift_count (
    archive VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    window VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    bin INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (archive, model, window, kind, subject, bin)
);

CREATE TABLE constancy_reference (
    model VARCHAR NOT NULL,
    recorded DOUBLE NOT NULL,
    answer JSON NOT NULL,
    PRIMARY KEY (model)
);

CREATE TABLE constancy_run (
    number INTEGER NOT NULL,
    archive VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    began DOUBLE NOT NULL,
    expires DOUBLE NOT NULL,
    ended DOUBLE,
    study_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    pixels VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    said JSON NOT NULL,
    worst DOUBLE,
    seconds JSON NOT NULL,
    PRIMARY KEY (number)
);

CREATE INDEX constancy_run_by_image ON constancy_run (archive, sop_instance_uid);

CREATE INDEX constancy_run_by_time ON constancy_run (archive, began);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

-- REPLACE deletes without asking the trigger above
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
