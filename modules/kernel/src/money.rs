//! Money: integer minor units and a currency inside, an exact decimal number on JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr};

/// The currencies that a shop can sell in (ISO 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(example = "EUR")]
#[expect(missing_docs, reason = "the codes of ISO 4217 name themselves")]
pub enum Currency {
    Aud,
    Bhd,
    Brl,
    Cad,
    Chf,
    Clp,
    Cny,
    Czk,
    Dkk,
    #[default]
    Eur,
    Gbp,
    Hkd,
    Huf,
    Ils,
    Inr,
    Jod,
    Jpy,
    Krw,
    Kwd,
    Mxn,
    Nok,
    Nzd,
    Omr,
    Pln,
    Ron,
    Sek,
    Sgd,
    Thb,
    Tnd,
    Try,
    Twd,
    Usd,
    Vnd,
    Zar,
}

impl Currency {
    /// Decimals of the currency: how many digits its minor unit has.
    pub const fn decimals(self) -> u32 {
        use Currency::*;
        match self {
            Clp | Jpy | Krw | Vnd => 0,
            Bhd | Jod | Kwd | Omr | Tnd => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Currency {
    type Err = serde::de::value::Error;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        use serde::de::IntoDeserializer;
        Self::deserialize(code.into_deserializer())
    }
}

/// A decimal number of currency units, exact, with at most 4 decimals and at most 15 digits.
///
/// 15 digits are what a JSON number keeps exactly in every language, because an IEEE 754 double does; [`Amount`] refuses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Amount {
    ten_thousandths: i128,
}

const SCALE: i128 = 10_000;
/// The least number that has more digits than an amount.
const LIMIT: i128 = 1_000_000_000_000_000;
const TOO_LONG: &str = "must have at most 15 digits";

impl Amount {
    /// Zero.
    pub const ZERO: Amount = Amount { ten_thousandths: 0 };

    /// This amount as money of `currency`; `None` when it has more decimals than the currency.
    pub fn in_currency(self, currency: Currency) -> Option<Money> {
        let unit = minor_unit(currency);
        // no more digits than an amount has
        let minor = i64::try_from(self.ten_thousandths / unit).ok()?;
        (self.ten_thousandths % unit == 0).then_some(Money { minor, currency })
    }

    fn from_ten_thousandths(ten_thousandths: i128) -> Result<Self, &'static str> {
        let mut digits = ten_thousandths.abs();
        for _ in 0..4 {
            if digits % 10 == 0 {
                digits /= 10;
            }
        }
        if digits < LIMIT { Ok(Self { ten_thousandths }) } else { Err(TOO_LONG) }
    }
}

/// Ten thousandths in a minor unit.
const fn minor_unit(currency: Currency) -> i128 {
    10_i128.pow(4 - currency.decimals())
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = (if self.ten_thousandths < 0 { "-" } else { "" }, self.ten_thousandths.abs());
        let (whole, part) = (value / SCALE, value % SCALE);
        let part = format!("{part:04}");
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

impl FromStr for Amount {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "must be a decimal number such as 29.99";
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty() || part.is_empty() || !(whole.bytes().chain(part.bytes())).all(|b| b.is_ascii_digit()) {
            return Err(SHAPE);
        }
        let part = part.trim_end_matches('0');
        if part.len() > 4 {
            return Err("must have at most 4 decimals");
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 15 {
            return Err(TOO_LONG);
        }
        let value: i128 = format!("{whole}{part:0<4}").parse().map_err(|_| SHAPE)?;
        Self::from_ten_thousandths(if text.starts_with('-') { -value } else { value })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(whole) = i64::try_from(self.ten_thousandths / SCALE)
            && self.ten_thousandths % SCALE == 0
        {
            return serializer.serialize_i64(whole);
        }
        // Exact: the nearest double of a decimal with 15 digits or fewer is printed as that decimal again.
        serializer.serialize_f64(self.to_string().parse().map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number such as 29.99")
            }
            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Amount, E> {
                Amount::from_ten_thousandths(i128::from(v) * SCALE).map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Amount, E> {
                self.visit_i64(i64::try_from(v).unwrap_or(i64::MAX))
            }
            fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Amount, E> {
                v.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_f64(Visitor)
    }
}

impl utoipa::PartialSchema for Amount {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Number)
            .description(Some("Exact decimal number of currency units, with the decimals of the currency beside it."))
            .examples([serde_json::json!(29.99)])
            .into()
    }
}

impl utoipa::ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

/// An amount in query strings, where a number is text: `min_price=10.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = f64)]
pub struct AmountText(pub Amount);

impl Serialize for AmountText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AmountText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A sum of money. All arithmetic happens here, in whole minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units, e.g. cents.
    pub minor: i64,
    /// Currency of the units.
    pub currency: Currency,
}

impl Money {
    /// The largest sum, in minor units of its currency, whatever that is: 15 digits, as an [`Amount`] has.
    pub const MAX_MINOR: i64 = 999_999_999_999_999;

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The number that JSON shows.
    pub const fn amount(self) -> Amount {
        Amount { ten_thousandths: self.minor as i128 * minor_unit(self.currency) }
    }

    /// The price of `quantity` pieces; `None` when it is too large to be shown exactly.
    pub fn times(self, quantity: u32) -> Option<Self> {
        Self { minor: self.minor.checked_mul(i64::from(quantity))?, ..self }.checked()
    }

    /// The sum; `None` when the currencies differ or it is too large to be shown exactly.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Self { minor: self.minor.checked_add(other.minor)?, ..self }.checked()
    }

    fn checked(self) -> Option<Self> {
        (self.minor.unsigned_abs() <= Self::MAX_MINOR.unsigned_abs()).then_some(self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_amount_survives_json_and_text(digits in -Money::MAX_MINOR..=Money::MAX_MINOR, decimals in 0..=4_u32) {
            let amount = Amount { ten_thousandths: i128::from(digits) * 10_i128.pow(4 - decimals) };
            let json = serde_json::to_string(&amount).expect("amount");
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).expect(&json), amount);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
            // the number on the wire has the same digits as the text
            prop_assert_eq!(json, amount.to_string());
        }

        #[test]
        fn money_of_every_currency_can_be_shown(minor in -Money::MAX_MINOR..=Money::MAX_MINOR, n in 0..=u32::MAX) {
            for currency in [Currency::Eur, Currency::Vnd, Currency::Kwd] {
                let money = Money { minor, currency };
                let json = serde_json::to_string(&money.amount()).expect("amount");
                prop_assert_eq!(serde_json::from_str::<Amount>(&json).expect(&json).in_currency(currency), Some(money));
                // never more than can be shown, never a wrong product
                let exact = i128::from(minor) * i128::from(n);
                let product = money.times(n).map(|product| i128::from(product.minor));
                prop_assert_eq!(product, Some(exact).filter(|exact| exact.abs() <= i128::from(Money::MAX_MINOR)));
            }
        }

        #[test]
        fn money_is_the_sum_of_its_pieces(minor in 0..10_000_000_i64, n in 1..1_000_u32) {
            let one = Money { minor, currency: Currency::Eur };
            let sum = (0..n).try_fold(Money::zero(Currency::Eur), |sum, _| sum.plus(one));
            prop_assert_eq!(one.times(n), sum);
        }
    }

    #[test]
    fn an_amount_has_at_most_15_digits() {
        for fine in ["999999999999999", "-999999999999999", "99999999999.9999", "999999999999999.0000"] {
            assert!(fine.parse::<Amount>().is_ok(), "{fine}");
        }
        for long in ["1000000000000000", "-1000000000000000", "100000000000.0001", "1000000000000000.0"] {
            assert!(long.parse::<Amount>().is_err(), "{long}");
        }
    }

    #[test]
    fn a_currency_is_read_and_written_by_its_code() {
        for (code, decimals) in [("EUR", 2), ("USD", 2), ("JPY", 0), ("VND", 0), ("KWD", 3)] {
            let currency: Currency = code.parse().expect(code);
            assert_eq!((currency.to_string().as_str(), currency.decimals()), (code, decimals));
        }
        for unknown in ["", "eur", "XXX", "EUR "] {
            assert!(unknown.parse::<Currency>().is_err(), "{unknown:?}");
        }
    }

    #[test]
    fn zero_has_no_sign() {
        for zero in ["0", "-0", "0.00"] {
            assert_eq!(zero.parse::<Amount>().expect(zero).to_string(), "0");
        }
    }

    #[test]
    fn an_amount_that_a_currency_cannot_hold_is_refused() {
        let amount = |text: &str| text.parse::<Amount>().expect(text);
        assert_eq!(amount("29.99").in_currency(Currency::Eur), Some(Money { minor: 2999, currency: Currency::Eur }));
        assert_eq!(amount("29.999").in_currency(Currency::Eur), None);
        assert_eq!(amount("29.999").in_currency(Currency::Kwd).map(|m| m.minor), Some(29_999));
        assert_eq!(amount("29.5").in_currency(Currency::Jpy), None);
        for bad in ["", "-", "1.", ".5", "1e3", "NaN", "1,5", "1234567890123456", "12345678901234.56", "0.00001", "+1"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
        for bad in ["1e300", "99999999999999999999", "1000000000000000", "null", "\"1\"", "0.12345"] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
        let expected = serde_json::from_str::<Amount>("null").expect_err("no amount").to_string();
        assert!(expected.contains("expected a decimal number such as 29.99"), "{expected}");
        assert_eq!(amount("165000000").in_currency(Currency::Vnd).map(|m| m.minor), Some(165_000_000));
        let most = Money { minor: Money::MAX_MINOR, currency: Currency::Eur };
        assert_eq!(most.to_string(), "9999999999999.99 EUR");
        assert_eq!((most.times(1), most.times(2)), (Some(most), None));
        let cent = Money { minor: 1, ..most };
        assert_eq!((most.plus(Money::zero(Currency::Eur)), most.plus(cent)), (Some(most), None));
        assert_eq!(most.plus(Money::zero(Currency::Usd)), None);
    }
}
