"""Pages for people: HTML made on the server from the same reads as the API's."""
