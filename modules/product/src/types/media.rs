//! Pictures, and what has them.

use crate::VariantId;
use garde::Validate;
use kernel::{
    Cursor, MAX_PAGE, MAX_PER_PAGE, Pagination, Request,
    chrono::{DateTime, Utc},
    rules::between,
    text::Line,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr};
use utoipa::{IntoParams, ToSchema};

/// The most pictures of a product.
pub const MAX_PICTURES: usize = 20;
/// What a picture shows, for those who do not see it.
pub type AltText = Line<200>;

/// A picture: the SHA-256 of what is kept of it, in 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(
    value_type = String,
    pattern = "^[0-9a-f]{64}$",
    min_length = 64,
    max_length = 64,
    example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub struct MediaId(String);

impl MediaId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path at which its sizes are, a template (RFC 6570) with `size`.
    pub fn url(&self) -> String {
        format!("/api/media/{}/{{size}}", self.0)
    }
}

impl FromStr for MediaId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.into()))
        } else {
            Err("must be 64 hexadecimal digits in lower case")
        }
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MediaId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A size of a picture. None is larger than the picture that was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MediaSize {
    /// As it was uploaded.
    Original,
    /// Its longer side has at most 1600 pixels.
    Large,
    /// Its longer side has at most 800 pixels.
    Medium,
    /// Its longer side has at most 400 pixels.
    Small,
    /// Its longer side has at most 160 pixels.
    Thumb,
}

impl MediaSize {
    /// All sizes.
    pub const ALL: [Self; 5] = [Self::Original, Self::Large, Self::Medium, Self::Small, Self::Thumb];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Large => "large",
            Self::Medium => "medium",
            Self::Small => "small",
            Self::Thumb => "thumb",
        }
    }

    /// The most pixels of the longer side; none for the original.
    pub const fn longest(self) -> Option<u32> {
        match self {
            Self::Original => None,
            Self::Large => Some(1600),
            Self::Medium => Some(800),
            Self::Small => Some(400),
            Self::Thumb => Some(160),
        }
    }
}

impl FromStr for MediaSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|size| size.name() == text);
        found.ok_or("must be original, large, medium, small or thumb")
    }
}

impl fmt::Display for MediaSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A picture that was uploaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Media {
    /// Id of the picture: of what is kept of it.
    pub id: MediaId,
    /// `image/jpeg` or `image/png`.
    #[schema(example = "image/jpeg")]
    pub media_type: String,
    /// Pixels.
    #[schema(example = 1200)]
    pub width: u32,
    /// Pixels.
    #[schema(example = 900)]
    pub height: u32,
    /// Bytes of the original.
    #[schema(example = 184_220)]
    pub bytes: u64,
    /// Path of its sizes: put `original`, `large`, `medium`, `small` or `thumb` in the place of `{size}`.
    #[schema(example = "/api/media/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/{size}")]
    pub url: String,
    /// Time of the last upload.
    pub uploaded_at: DateTime<Utc>,
}

/// Which pictures to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListMedia {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// The `next_cursor` of the page before, with the same `per_page`; in place of `page`. However far down the list, it takes no longer than the first
    /// page.
    #[garde(skip)]
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,4096}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Pictures on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
}

/// A page of pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MediaPage {
    /// Pictures of this page, the newest first.
    pub media: Vec<Media>,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Picture {
    /// Id of the picture.
    pub media_id: MediaId,
    /// What it shows, for those who do not see it; empty if nobody has said it.
    #[schema(example = "Copper coffee pot with a brass handle")]
    pub alt: String,
    /// Pixels of the original.
    #[schema(example = 1200)]
    pub width: u32,
    /// Pixels of the original.
    #[schema(example = 900)]
    pub height: u32,
    /// The variants that it shows; empty when it shows all, or none more than others.
    pub variant_ids: Vec<VariantId>,
    /// Path of its sizes: put `original`, `large`, `medium`, `small` or `thumb` in the place of `{size}`.
    #[schema(example = "/api/media/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/{size}")]
    pub url: String,
}

/// The picture of a category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CategoryPicture {
    /// Id of the picture.
    pub media_id: MediaId,
    /// Pixels of the original.
    #[schema(example = 1200)]
    pub width: u32,
    /// Pixels of the original.
    #[schema(example = 900)]
    pub height: u32,
    /// Path of its sizes: put `original`, `large`, `medium`, `small` or `thumb` in the place of `{size}`.
    #[schema(example = "/api/media/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/{size}")]
    pub url: String,
}

/// The pictures that a product is to have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetPictures {
    /// All of them, at most 20, in the order in which they are shown: lists show the first. Each is another picture.
    #[garde(length(max = MAX_PICTURES), dive)]
    #[schema(max_items = 20)]
    pub pictures: Vec<SetPicture>,
}

/// A picture in [`SetPictures`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetPicture {
    /// Id of a picture that was uploaded.
    #[garde(skip)]
    pub media_id: MediaId,
    /// What it shows, for those who do not see it, at most 200 characters; empty if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 200, example = "Copper coffee pot with a brass handle")]
    pub alt: Option<AltText>,
    /// The variants of the product that it shows, at most 100; absent when it shows all, or none more than others.
    #[garde(length(max = 100), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<i64>>, max_items = 100)]
    pub variant_ids: Vec<VariantId>,
}
