//! Charts: bars of a row of days, drawn as SVG by the templates.

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// How much it is.
    pub(crate) value: u64,
    /// How much of that is marked: what was refused.
    pub(crate) part: u64,
}

/// Height of the drawing, in its own units.
pub(crate) const HEIGHT: u64 = 100;

/// A bar where it is drawn, in units of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) bar: Bar,
    pub(crate) x: usize,
    pub(crate) y: u64,
    pub(crate) height: u64,
    pub(crate) part_y: u64,
    pub(crate) part_height: u64,
}

/// Bars side by side, the largest as high as the drawing. What is not nothing is seen.
pub(crate) fn drawn(bars: Vec<Bar>) -> Vec<Drawn> {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let high = |value: u64| {
        let height = u128::from(value) * u128::from(HEIGHT) / u128::from(most);
        let height = u64::try_from(height).unwrap_or(HEIGHT);
        if value > 0 { height.max(1) } else { 0 }
    };
    let all = bars.into_iter().enumerate().map(|(place, bar)| {
        let (height, part_height) = (high(bar.value), high(bar.part));
        Drawn {
            x: place * STEP,
            y: HEIGHT - height,
            height,
            part_y: HEIGHT - part_height,
            part_height,
            bar,
        }
    });
    all.collect()
}

/// From one bar to the next, in units of the drawing.
pub(crate) const STEP: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_bar_fills_the_drawing_and_the_smallest_is_seen() {
        let bar = |value| Bar {
            label: String::new(),
            value,
            part: value / 2,
        };
        let drawn = drawn(vec![bar(1), bar(0), bar(1_000_000)]);
        let heights: Vec<_> = drawn.iter().map(|it| (it.x, it.y, it.height)).collect();
        assert_eq!(heights, [(0, 99, 1), (10, 100, 0), (20, 0, 100)]);
        assert_eq!(drawn[2].part_height, 50);
        assert!(super::drawn(Vec::new()).is_empty());
    }
}
