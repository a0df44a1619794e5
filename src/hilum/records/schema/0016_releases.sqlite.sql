CREATE TABLE export_release (
	archive VARCHAR NOT NULL, 
	study_instance_uid VARCHAR NOT NULL, 
	series_instance_uid VARCHAR NOT NULL, 
	sop_instance_uid VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);
