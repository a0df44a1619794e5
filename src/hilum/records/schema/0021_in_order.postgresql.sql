ALTER TABLE study_finding ADD COLUMN rank INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE study_finding ADD COLUMN due DOUBLE PRECISION DEFAULT 0 NOT NULL;

UPDATE study_finding SET rank = study.rank, due = study.due FROM study WHERE study.archive = study_finding.archive AND study.study_instance_uid = study_finding.study_instance_uid;

CREATE INDEX study_finding_in_order ON study_finding (archive, label, rank, due, study_instance_uid);

CREATE INDEX study_by_arrival ON study (archive, rank, arrived, study_instance_uid);

DROP INDEX study_by_date;

CREATE INDEX study_by_date ON study (archive, study_date, rank, due, study_instance_uid);
