"""What `./dev` runs once the environment stands. Not shipped."""
