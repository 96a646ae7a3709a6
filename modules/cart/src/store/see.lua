-- Notes what the user was shown.
see(1)
