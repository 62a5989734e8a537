"""The process: web server, conductor, command line."""
