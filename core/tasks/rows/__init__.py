"""A person's own rows in the forms in which people keep them: files, tables, JSON, chats."""
