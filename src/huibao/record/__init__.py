"""What was decided: keys, answers, sealed evidence and the chain over them, in the order of commits."""
