"""What `./demo` shows: real hospital messages and a year of bills under published terms, each payment with its why."""
