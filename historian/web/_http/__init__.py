"""HTTP: what clients accept, the heads of their requests, the answer to a scrape, and a small server."""
