CREATE TABLE audit_sent (
	number INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	PRIMARY KEY (number)
);
