"""Who watches the watchers: alarms over what officials read, and the access log."""
