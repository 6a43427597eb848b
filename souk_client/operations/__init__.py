"""Every operation of the market as a function that makes a call. Argument names are the API's field names."""
