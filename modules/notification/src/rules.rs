//! Rules of the users' preferences. Pure functions.

use crate::{ChannelChoice, NotificationChannel, NotificationKind, NotificationPreferences};
use phonenumber::Mode;

/// The default channels of a kind.
pub(crate) fn default_choice(kind: NotificationKind) -> ChannelChoice {
    let sms = matches!(kind, NotificationKind::OrderShipped | NotificationKind::OrderDelivered);
    ChannelChoice { email: true, sms }
}

/// Whether the user wants this kind on this channel.
pub(crate) fn wants(preferences: &NotificationPreferences, kind: NotificationKind, channel: NotificationChannel) -> bool {
    let choice = choice(preferences, kind);
    match channel {
        NotificationChannel::Email => choice.email,
        NotificationChannel::Sms => choice.sms,
    }
}

fn choice(preferences: &NotificationPreferences, kind: NotificationKind) -> ChannelChoice {
    match kind {
        // an address can be confirmed by e-mail only
        NotificationKind::ConfirmationRequested => default_choice(kind),
        _ => preferences.kinds.get(&kind).copied().unwrap_or_else(|| default_choice(kind)),
    }
}

/// The preferences with a choice for every kind that goes to users.
pub(crate) fn complete(mut preferences: NotificationPreferences) -> NotificationPreferences {
    preferences.kinds.retain(|kind, _| kind.is_for_users());
    for kind in NotificationKind::ALL.iter().filter(|kind| kind.is_for_users()) {
        preferences.kinds.insert(*kind, choice(&preferences, *kind));
    }
    preferences
}

/// A phone number as E.164, the form for providers; `None` unless it is a valid number in international form.
pub(crate) fn phone(text: &str) -> Option<String> {
    let number = phonenumber::parse(None, text).ok()?;
    number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_replace_the_defaults() {
        let mut chosen = NotificationPreferences::default();
        assert!(wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Sms));
        assert!(!wants(&chosen, NotificationKind::OrderPlaced, NotificationChannel::Sms));
        assert!(NotificationKind::ALL.iter().all(|kind| wants(&chosen, *kind, NotificationChannel::Email)));
        chosen.kinds.insert(NotificationKind::OrderShipped, ChannelChoice { email: false, sms: false });
        assert!(!wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Sms));
        assert!(!wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Email));
        let all = complete(chosen);
        assert_eq!(all.kinds.len(), NotificationKind::ALL.len() - 1, "mail to the shop is no choice of users");
        assert_eq!(all.kinds[&NotificationKind::OrderShipped], ChannelChoice { email: false, sms: false });
    }

    #[test]
    fn phone_numbers_are_international_and_valid() {
        for (text, number) in [
            ("+961 70 12 34 56", "+96170123456"),
            ("+49 (0)30 1234567", "+49301234567"),
            ("+1 (212) 555-0123", "+12125550123"),
            ("+961\u{a0}70\u{a0}123456", "+96170123456"),
        ] {
            assert_eq!(phone(text).as_deref(), Some(number), "{text}");
        }
        for bad in ["", "+", "call me", "030 1234567", "+123", "+1234567890123456", "+49abc1234567", "+999 1234567"] {
            assert_eq!(phone(bad), None, "{bad}");
        }
    }
}
