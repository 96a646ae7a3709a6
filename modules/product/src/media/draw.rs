//! Ornaments: the pictures of the demo shop, drawn from a number.

use super::pictures::Encoded;
use crate::ProductError;
use image::{Rgb, RgbImage};

/// Pixels of a side.
const SIDE: u32 = 360;

/// A rosette of arcs in the colours and the number of points that follow from `seed`. The same seed gives the same picture.
///
/// # Errors
/// `internal` when it cannot be written.
pub(super) fn ornament(seed: u32) -> Result<Encoded, ProductError> {
    /// Paper, and two inks.
    const COLOURS: [[[u8; 3]; 3]; 6] = [
        [[244, 236, 219], [166, 60, 40], [38, 70, 83]],
        [[236, 240, 233], [42, 110, 95], [200, 150, 60]],
        [[240, 233, 240], [96, 60, 120], [210, 120, 90]],
        [[232, 238, 244], [30, 80, 140], [190, 160, 90]],
        [[245, 238, 228], [120, 80, 40], [60, 110, 70]],
        [[240, 240, 236], [50, 50, 60], [180, 50, 70]],
    ];
    let [paper, first, second] = COLOURS[seed as usize % COLOURS.len()];
    let points = f64::from(5 + seed / 6 % 8);
    let waves = f64::from(2 + seed / 48 % 4);
    let centre = f64::from(SIDE) / 2.0;
    let picture = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let (dx, dy) = (f64::from(x) + 0.5 - centre, f64::from(y) + 0.5 - centre);
        let (radius, angle) = (dx.hypot(dy) / centre, dy.atan2(dx));
        let edge = 0.78 + 0.1 * (points * angle).cos();
        let band = (waves * std::f64::consts::TAU * radius + 0.8 * (2.0 * points * angle).sin()).sin();
        Rgb(match radius {
            _ if radius > edge => paper,
            _ if radius > edge - 0.03 || radius < 0.12 => first,
            _ if band > 0.35 => first,
            _ if band < -0.55 => second,
            _ => paper,
        })
    });
    super::pictures::of_drawing(picture)
}
