ALTER TABLE review ADD COLUMN unaided BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE review_finding RENAME COLUMN opinion TO answer;

UPDATE review_finding SET answer = CASE WHEN answer = 'unsure' THEN 'unsure' WHEN (answer = 'agree') = positive THEN 'present' ELSE 'absent' END;

UPDATE review_finding SET answer = 'unsure' WHERE answer = 'absent' AND EXISTS (SELECT 1 FROM review, json_array_elements_text(review.missing) AS named(label) WHERE review.number = review_finding.number AND named.label = review_finding.label);

UPDATE review SET missing = (SELECT COALESCE(json_agg(named.label), '[]'::json) FROM json_array_elements_text(review.missing) AS named(label) WHERE named.label NOT IN (SELECT label FROM review_finding WHERE review_finding.number = review.number));
