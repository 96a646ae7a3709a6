//! Pictures: what is taken, what is kept of it, and smaller ones. Nothing here waits for anything but the processor.

use crate::ProductError;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    imageops,
    metadata::Orientation,
};
use std::io::Cursor;

/// The most pixels of a picture.
pub(crate) const MAX_PIXELS: u64 = 40_000_000;
/// The most pixels of a side.
pub(crate) const MAX_SIDE: u32 = 16_384;
/// How much a decoder may take, in bytes: 8 for each pixel.
const MAX_MEMORY: u64 = 8 * MAX_PIXELS;
/// Of JPEG, from 1 to 100: that of what is kept, and that of smaller ones.
const QUALITY: (u8, u8) = (88, 82);

/// A picture in a file format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Whether the first bytes are those of a format that is taken.
pub(crate) fn is_picture(first: &[u8]) -> bool {
    format(first).is_some()
}

fn format(first: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(first).ok()?;
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP].contains(&format).then_some(format)
}

/// The picture in a file of a stranger, upright, without anything that is no picture: other data in the file, where and when it was
/// taken, its animation. The same file gives the same bytes.
///
/// # Errors
/// When it is no picture, has too many pixels, or cannot be read to its end.
pub(crate) fn prepare(file: &[u8]) -> Result<Encoded, ProductError> {
    let format = format(file).ok_or(ProductError::NotAPicture)?;
    let picture = decode(file, format)?;
    // drawings stay as they are, and so does what can be seen through
    let as_png = format == ImageFormat::Png || has_transparency(&picture);
    encode(picture, as_png, QUALITY.0)
}

/// A picture that we have drawn.
///
/// # Errors
/// `internal` when it cannot be written.
pub(crate) fn of_drawing(drawing: RgbImage) -> Result<Encoded, ProductError> {
    encode(drawing.into(), true, QUALITY.0)
}

/// A smaller one of a picture that `prepare` has made: its longest side has at most `longest` pixels.
///
/// # Errors
/// `internal` when it cannot be read.
pub(crate) fn shrink(picture: &[u8], longest: u32) -> Result<Encoded, ProductError> {
    let format = format(picture).ok_or(ProductError::PictureUnreadable)?;
    let picture = decode(picture, format)?;
    let side = |side: u32| (f64::from(side) * f64::from(longest) / f64::from(picture.width().max(picture.height()))).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "smaller than the side")]
    let (width, height) = ((side(picture.width()) as u32).max(1), (side(picture.height()) as u32).max(1));
    // Far away from the size, averages are as good as a filter, which would need four times the memory of the picture.
    let near = if picture.width().max(picture.height()) > 3 * longest {
        picture.thumbnail_exact(2 * width, 2 * height)
    } else {
        picture
    };
    let small = near.resize_exact(width, height, imageops::FilterType::CatmullRom);
    encode(small, format == ImageFormat::Png, QUALITY.1)
}

/// Decodes a picture of at most so many pixels, which its header tells before any of them is decoded.
fn decode(file: &[u8], format: ImageFormat) -> Result<DynamicImage, ProductError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || width.max(height) > MAX_SIDE || decoder.total_bytes() > MAX_MEMORY {
        return Err(ProductError::PictureTooLarge { width, height });
    }
    limits.reserve(decoder.total_bytes()).map_err(unreadable)?;
    decoder.set_limits(limits).map_err(unreadable)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Of no use to clients, and maybe about our memory: the reason is not told.
fn unreadable(e: ImageError) -> ProductError {
    tracing::debug!(error = %e, "a picture cannot be read");
    ProductError::PictureUnreadable
}

fn has_transparency(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        other => other.color().has_alpha(),
    }
}

fn encode(picture: DynamicImage, as_png: bool, quality: u8) -> Result<Encoded, ProductError> {
    let is_grey = !picture.color().has_color();
    let picture = match (as_png && has_transparency(&picture), is_grey) {
        (true, true) => DynamicImage::ImageLumaA8(picture.into_luma_alpha8()),
        (true, false) => DynamicImage::ImageRgba8(picture.into_rgba8()),
        (false, true) => DynamicImage::ImageLuma8(picture.into_luma8()),
        (false, false) => DynamicImage::ImageRgb8(picture.into_rgb8()),
    };
    let (width, height, color) = (picture.width(), picture.height(), ExtendedColorType::from(picture.color()));
    let mut bytes = Vec::new();
    let (written, media_type) = if as_png {
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
        (encoder.write_image(picture.as_bytes(), width, height, color), "image/png")
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
        (encoder.write_image(picture.as_bytes(), width, height, color), "image/jpeg")
    };
    written.map_err(|e| kernel::Fault::internal(format_args!("a picture cannot be written: {e}")))?;
    Ok(Encoded { bytes, media_type, width, height })
}
