-- Remembers the names and prices that the user was shown.
remember_shown(1)
