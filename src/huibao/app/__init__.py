"""The one place where everything is wired: settings, secrets, lanes, the service and what it does by itself."""
