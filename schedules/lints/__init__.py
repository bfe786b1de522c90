"""What a declaration may say and still be a mistake: checks beyond a document's shape."""
