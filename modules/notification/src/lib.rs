//! E-mail and SMS about what happens to users and their orders.
