//! How often a caller may call. The crate of the macros compiles this file, too: it cannot depend on the kernel, which depends on
//! it.

use std::{str::FromStr, time::Duration};

/// How often one caller may call an operation through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls per window; at least 1.
    pub count: u32,
    /// Length of the window.
    pub window: Duration,
}

impl FromStr for Rate {
    type Err = &'static str;

    /// Reads e.g. `20/min`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a count of at least 1 and `s`, `min`, `hour` or `day`, as in `20/min`";
        let (count, unit) = text.split_once('/').ok_or(EXPECTED)?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return Err(EXPECTED),
        };
        let count = count.parse().ok().filter(|count| *count >= 1).ok_or(EXPECTED)?;
        Ok(Self { count, window: Duration::from_secs(seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_unit_of_time() {
        let rate = |count, seconds| Ok(Rate { count, window: Duration::from_secs(seconds) });
        for (text, count, seconds) in [("5/s", 5, 1), ("20/min", 20, 60), ("3/hour", 3, 3_600), ("1/day", 1, 86_400)] {
            assert_eq!(text.parse(), rate(count, seconds), "{text}");
        }
        for wrong in ["", "20", "0/min", "-1/min", "20/minute", "min/20", "4294967296/s", "20/min "] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
