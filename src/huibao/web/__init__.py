"""The API over HTTP: routes by topic, one table of who may do what, problems that say why, and the document drawn from all three."""
