ALTER TABLE review ADD COLUMN unaided BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE review_finding RENAME COLUMN opinion TO answer;

UPDATE review_finding SET answer = CASE WHEN answer = 'unsure' THEN 'unsure' WHEN (answer = 'agree') = positive THEN 'present' ELSE 'absent' END;

UPDATE review_finding SET answer = 'unsure' WHERE answer = 'absent' AND EXISTS (SELECT 1 FROM review, json_each(review.missing) WHERE review.number = review_finding.number AND json_each.value = review_finding.label);

UPDATE review SET missing = (SELECT json_group_array(json_each.value) FROM json_each(review.missing) WHERE json_each.value NOT IN (SELECT label FROM review_finding WHERE review_finding.number = review.number));
