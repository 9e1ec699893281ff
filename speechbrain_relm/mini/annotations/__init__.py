"""Made posts and answers, annotated as EPITOME's are."""
