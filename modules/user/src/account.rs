//! New accounts and their passwords, for `register` and for commands of an operator.

use crate::{
    Register,
    context::{Result, Users},
    password::{Place, Weakness},
    rules::{e164, known_email, normal_email},
    store::NewUser,
};
use kernel::Fault;

impl Users {
    /// A new customer's account.
    pub(crate) async fn new_user(&self, request: Register) -> Result<NewUser> {
        let email = normal_email(&request.email)?;
        let phone = request.phone.as_deref().map(e164).transpose()?;
        let place: Place = self.passwords.enter()?;
        Ok(NewUser {
            email,
            password_hash: place.hash(request.password).await?,
            first_name: request.first_name.into(),
            last_name: request.last_name.into(),
            phone,
            is_admin: false,
            email_confirmed_at: None,
        })
    }

    /// Refuses a password that is easy to guess: a common one, or one made of `person`: first name, last name and e-mail address.
    pub(crate) async fn must_be_hard_to_guess(&self, pointer: &str, password: &str, person: [&str; 3]) -> Result<()> {
        let refused = |detail: &str| Err(Fault::invalid(pointer, detail).into());
        if known_email(password) == person[2] {
            return refused("Password must not be the email address");
        }
        let (password, person) = (password.to_owned(), person.map(str::to_owned));
        match self.passwords.enter()?.weakness(password, person).await? {
            None => Ok(()),
            Some(Weakness::Common) => refused("Password must not be a common one, or one that is easy to guess"),
            Some(Weakness::OfThePerson) => {
                refused("Password must not be made of the name of the shop, your name or your email address")
            }
        }
    }
}
