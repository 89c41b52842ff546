"""The database: a server of our own where none is given, programmes as schemas, numbered migrations, and SQL by name."""
