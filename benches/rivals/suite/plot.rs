//! A picture of the medians: each peer's time by ours, a row for each workload.

use std::io;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::machine::Machine;
use super::measure::{Outcome, Row};
use super::peers::Peer;
use super::workloads::Kind;

const WIDTH: u32 = 900;
const ROW: u32 = 24;
const TOP: u32 = 90;
const BOTTOM: u32 = 50;
const LEFT: u32 = 160;
const RIGHT: u32 = 30;
const MARKS: [f64; 11] = [1.0 / 64.0, 1.0 / 16.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0];

pub(crate) fn plot(path: &Path, machine: &Machine, outcomes: &[Outcome]) -> io::Result<()> {
    draw(path, machine, outcomes).map_err(|error| io::Error::other(error.to_string()))
}

type Drawn = Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>;

fn draw(path: &Path, machine: &Machine, outcomes: &[Outcome]) -> Drawn {
    let rivals = outcomes.iter().filter(|outcome| outcome.kind != Kind::Itself);
    let rows: Vec<&Row> = rivals.flat_map(|outcome| &outcome.rows).collect();
    let height = TOP + ROW * rows.len() as u32 + BOTTOM;
    let picture = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    picture.fill(&WHITE)?;
    let scale = Scale::of(&rows);
    let title = format!(
        "Time of each peer by that of oasync, {} threads: right of 1x, oasync is faster",
        machine.threads
    );
    picture.draw(&Text::new(title, (LEFT as i32, 14), font(18)))?;

    for (index, peer) in shown(&rows).into_iter().enumerate() {
        let at = (LEFT as i32 + index as i32 % 4 * 170, 46 + index as i32 / 4 * 18);
        picture.draw(&Circle::new(at, 5, colour(peer).filled()))?;
        picture.draw(&Text::new(peer.name(), (at.0 + 10, at.1 - 7), font(13)))?;
    }
    let (top, bottom) = (TOP as i32, (height - BOTTOM) as i32);
    for mark in MARKS.into_iter().filter(|mark| scale.holds(*mark)) {
        let x = scale.x(mark);
        let line =
            if mark == 1.0 { BLACK.stroke_width(2) } else { BLACK.mix(0.15).stroke_width(1) };
        picture.draw(&PathElement::new(vec![(x, top), (x, bottom)], line))?;
        let style = font(13).pos(Pos::new(HPos::Center, VPos::Top));
        picture.draw(&Text::new(label(mark), (x, bottom + 8), style))?;
    }
    for (index, row) in rows.iter().enumerate() {
        let y = top + (ROW * index as u32 + ROW / 2) as i32;
        let style = font(13).pos(Pos::new(HPos::Right, VPos::Center));
        picture.draw(&Text::new(row.name.clone(), (LEFT as i32 - 12, y), style))?;
        let ends = vec![(LEFT as i32, y), ((WIDTH - RIGHT) as i32, y)];
        picture.draw(&PathElement::new(ends, BLACK.mix(0.08)))?;
        for (peer, ratio) in ratios(row) {
            picture.draw(&Circle::new((scale.x(ratio), y), 5, colour(peer).mix(0.8).filled()))?;
        }
    }
    picture.present()
}

/// Each peer's median by ours.
fn ratios(row: &Row) -> impl Iterator<Item = (Peer, f64)> {
    let ours = row.median(Peer::Oasync);
    let peers = row.values.iter().map(|(peer, _)| *peer).filter(|peer| peer.is_rival());
    peers.filter_map(move |peer| Some((peer, row.median(peer)? / ours?)))
}

fn shown(rows: &[&Row]) -> Vec<Peer> {
    let has = |peer: &Peer| rows.iter().any(|row| ratios(row).any(|(p, _)| p == *peer));
    Peer::ALL.into_iter().filter(has).collect()
}

/// A logarithmic scale from the left to the right.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn of(rows: &[&Row]) -> Scale {
        let all = rows.iter().flat_map(|row| ratios(row)).map(|(_, ratio)| ratio);
        let (least, most) = all.fold((0.5f64, 4.0f64), |(l, m), r| (l.min(r), m.max(r)));
        Scale { least: least.ln() - 0.1, most: most.ln() + 0.1 }
    }

    fn holds(&self, ratio: f64) -> bool {
        (self.least..=self.most).contains(&ratio.ln())
    }

    fn x(&self, ratio: f64) -> i32 {
        let share = (ratio.ln() - self.least) / (self.most - self.least);
        (f64::from(LEFT) + share * f64::from(WIDTH - LEFT - RIGHT)) as i32
    }
}

fn label(mark: f64) -> String {
    if mark < 1.0 { format!("1/{}", 1.0 / mark) } else { format!("{mark}x") }
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

fn colour(peer: Peer) -> RGBColor {
    match peer {
        Peer::Oasync
        | Peer::OasyncMain
        | Peer::OasyncAgain
        | Peer::OasyncIdleThreads
        | Peer::OasyncManyWorkers
        | Peer::Ideal => BLACK,
        Peer::Tokio => RGBColor(200, 30, 30),
        Peer::TokioMain => RGBColor(240, 140, 140),
        Peer::AsyncExecutor => RGBColor(30, 80, 190),
        Peer::AsyncExecutorCaller => RGBColor(130, 170, 235),
        Peer::Static => RGBColor(20, 140, 70),
        Peer::StaticCaller => RGBColor(130, 205, 150),
        Peer::Blocking => RGBColor(160, 90, 20),
        Peer::Rayon => RGBColor(140, 60, 170),
    }
}
