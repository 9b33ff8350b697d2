//! The pages of the documentation that are run as they stand there.

use tests::gate::Gate;
use tests::page;

#[test]
fn the_walk_through_the_policies_page_goes_as_it_says() {
    page::run(&Gate::start(), "docs/policies.md", "A walk");
}

/// 000-17, 000-18, 000-22, 002-01, 002-11.
#[test]
fn a_resellers_day_goes_as_its_page_says() {
    page::run(&Gate::start(), "docs/resellers-day.md", "The day");
}
