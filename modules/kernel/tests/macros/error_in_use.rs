//! Mistakes in an error enum are reported alone, although traits and their implementations use the enum.

mod a_code_that_does_not_exist {
    use kernel::{Ctx, Fault};

    /// A code that does not exist.
    #[derive(Debug, thiserror::Error, kernel::ApiError)]
    #[api(module = "thing")]
    pub enum ThingError {
        /// There is no such thing.
        #[error("Thing not found")]
        #[api(not_fond)]
        NotFound,
        /// The call failed.
        #[error(transparent)]
        #[api(fault)]
        Fault(#[from] Fault),
    }

    #[kernel::api(module = "thing")]
    pub trait ThingApi {
        /// Does something.
        #[get("/things", access = anyone)]
        async fn list(&self, cx: &Ctx) -> Result<Vec<u32>, ThingError>;

        /// Does something.
        #[get("/things/{id}", access = anyone, errors(NotFound))]
        async fn get(&self, cx: &Ctx, id: u32) -> Result<u32, ThingError>;
    }

    pub struct Things;

    impl ThingApi for Things {
        async fn list(&self, _: &Ctx) -> Result<Vec<u32>, ThingError> {
            Err(Fault::unauthenticated().into())
        }

        async fn get(&self, _: &Ctx, id: u32) -> Result<u32, ThingError> {
            if id == 0 { Err(ThingError::NotFound) } else { Ok(id) }
        }
    }
}

mod no_fault {
    use kernel::Ctx;

    /// No fault.
    #[derive(Debug, thiserror::Error, kernel::ApiError)]
    #[api(module = "other")]
    pub enum OtherError {
        /// There is no such thing.
        #[error("Thing not found")]
        #[api(not_found)]
        NotFound,
    }

    #[kernel::api(module = "other")]
    pub trait OtherApi {
        /// Does something.
        #[get("/others/{id}", access = anyone, errors(NotFound))]
        async fn get(&self, cx: &Ctx, id: u32) -> Result<u32, OtherError>;
    }
}

fn main() {}
