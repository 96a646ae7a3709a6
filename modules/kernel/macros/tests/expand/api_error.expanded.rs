impl ::kernel::ApiError for ShelfError {
    const KINDS: &'static [::kernel::ProblemKind] = &[
        ::kernel::ProblemKind {
            code: ::kernel::Code::NotFound,
            name: "shelf.not_found",
            variant: "NotFound",
            doc: "There is no such book.",
        },
        ::kernel::ProblemKind {
            code: ::kernel::Code::Conflict,
            name: "shelf.lent_out",
            variant: "LentOut",
            doc: "Someone else has the book.",
        },
    ];
    fn details() -> ::std::vec::Vec<::kernel::openapi::Details> {
        ::std::vec![
            { #[derive(::utoipa::ToSchema)] #[expect(dead_code, reason =
            "carries the attribute")] struct __Details { reader : UserId, days : u32 }
            ::kernel::openapi::Details::of:: < __Details > ("shelf.lent_out") }
        ]
    }
    fn code(&self) -> ::kernel::Code {
        match self {
            Self::NotFound { .. } => ::kernel::Code::NotFound,
            Self::LentOut { .. } => ::kernel::Code::Conflict,
            Self::Fault(fault) => fault.code(),
        }
    }
    fn into_problem(self) -> ::kernel::Problem {
        match self {
            Self::NotFound { .. } => {
                ::kernel::Problem::new(
                    ::kernel::Code::NotFound,
                    "shelf.not_found",
                    ::std::string::ToString::to_string(&self),
                    ::core::option::Option::None,
                )
            }
            Self::LentOut { ref reader, ref days } => {
                let details = [
                    ("reader", ::kernel::serde_json::to_value(reader)),
                    ("days", ::kernel::serde_json::to_value(days)),
                ];
                let details = details
                    .into_iter()
                    .map(|(name, value)| value.map(|value| (name.to_owned(), value)));
                match details
                    .collect::<::core::result::Result<::kernel::serde_json::Value, _>>()
                {
                    ::core::result::Result::Ok(details) => {
                        ::kernel::Problem::new(
                            ::kernel::Code::Conflict,
                            "shelf.lent_out",
                            ::std::string::ToString::to_string(&self),
                            ::core::option::Option::Some(details),
                        )
                    }
                    ::core::result::Result::Err(error) => {
                        ::kernel::Fault::internal(error).into()
                    }
                }
            }
            Self::Fault(fault) => fault.into(),
        }
    }
    fn from_problem(problem: ::kernel::Problem) -> Self {
        match problem.code.as_str() {
            "shelf.not_found" => Self::NotFound {},
            "shelf.lent_out" => {
                let detail = |name: &str| {
                    let details = problem.details.as_ref();
                    details
                        .and_then(|details| details.get(name))
                        .cloned()
                        .unwrap_or_default()
                };
                match (
                    ::kernel::serde_json::from_value(detail("reader")),
                    ::kernel::serde_json::from_value(detail("days")),
                ) {
                    (
                        ::core::result::Result::Ok(reader),
                        ::core::result::Result::Ok(days),
                    ) => Self::LentOut { reader, days },
                    _ => Self::Fault(problem.into()),
                }
            }
            _ => Self::Fault(problem.into()),
        }
    }
}
