CREATE TABLE claim (
	archive VARCHAR NOT NULL, 
	study_instance_uid VARCHAR NOT NULL, 
	reader VARCHAR NOT NULL, 
	at DOUBLE PRECISION NOT NULL, 
	PRIMARY KEY (archive, study_instance_uid)
);
