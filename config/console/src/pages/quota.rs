//! Quotas: how much an account, a user or a bucket may hold. One form for the three.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::Amount;
use postern_config::directory::{Bucket, Command, Quota, QuotaOf, Tenant, User};

use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::{bucket_usage, buckets, user_changes};
use crate::api::asked::{By, Of};
use crate::{Admin, Problem};

/// What has a quota.
pub(crate) trait Bounded: Sized {
    fn quota(&self) -> &Quota;

    fn which(&self) -> QuotaOf;

    fn here<'h>(reader: &Reader, of: &'h Of<Self>) -> Here<'h>;

    /// Where one comes from.
    fn back(reader: &Reader, of: &Of<Self>) -> String;

    /// What the command line says of it, beside its account.
    fn option(&self) -> Option<String>;
}

#[derive(askama::Template)]
#[template(path = "quota.html")]
struct QuotaPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    back: String,
    command: String,
}

fn page<T: Bounded>(
    reader: &Reader,
    of: &Of<T>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let option = of.it.option().unwrap_or_default();
    let page = QuotaPage {
        frame: reader.frame(T::here(reader, of)),
        form,
        problem,
        back: T::back(reader, of),
        command: format!(
            "postern usage quota --tenant {}{option} --bytes 10Gi --objects 1000000",
            of.tenant.name
        ),
    };
    reader.page(status, &page)
}

pub(crate) async fn show<T: Bounded>(reader: Reader, of: Of<T>) -> Response {
    let quota = of.it.quota();
    let [bytes, objects] = [
        quota.bytes.map(|it| Amount(it).to_string()),
        quota.objects.map(|it| it.to_string()),
    ];
    let form = Fields::default()
        .with("bytes", bytes.unwrap_or_default())
        .with("objects", objects.unwrap_or_default());
    page(&reader, &of, (&form, StatusCode::OK, None))
}

pub(crate) async fn set<T: Bounded>(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<T>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(quota) = read(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return page(&reader, &of, answer);
    };
    let command = Command::SetQuota(of.it.which(), quota);
    match admin.directory.apply(command, actor).await {
        Ok(done) => {
            let text = say!("The quota is set. What is stored now stays, whatever it says.");
            let back = T::back(&reader, &of);
            reader.done((text, ""), done.revision.0, &back)
        }
        Err(refused) => {
            let problem = Problem::from(refused);
            page(&reader, &of, (&form, problem.status, Some(&problem)))
        }
    }
}

/// The quota that a form means. None: it means none that can be used.
fn read(form: &mut Fields) -> Option<Quota> {
    let bound = |it: Amount| it.0;
    let (bytes, objects) = (form.may("bytes"), form.may("objects"));
    Some(Quota {
        bytes: bytes?.map(bound),
        objects: objects?.map(bound),
    })
}

impl Bounded for Tenant {
    fn quota(&self) -> &Quota {
        &self.quota
    }

    fn which(&self) -> QuotaOf {
        QuotaOf::Tenant(self.id)
    }

    fn here<'h>(reader: &Reader, of: &'h Of<Self>) -> Here<'h> {
        let usage = reader.link_in(&of.it, "/usage", &[]);
        Here {
            title: reader.say(say!("Quota of the account")).to_owned(),
            nav: Nav::Usage,
            tenant: Some(&of.it),
            trail: vec![(reader.say(say!("Usage")).to_owned(), usage)],
        }
    }

    fn back(reader: &Reader, of: &Of<Self>) -> String {
        reader.link_in(&of.it, "/usage", &[]).unwrap_or_default()
    }

    fn option(&self) -> Option<String> {
        None
    }
}

impl Bounded for User {
    fn quota(&self) -> &Quota {
        &self.quota
    }

    fn which(&self) -> QuotaOf {
        QuotaOf::User(self.id)
    }

    fn here<'h>(reader: &Reader, of: &'h Of<Self>) -> Here<'h> {
        user_changes::here(reader, of, say!("Quota of {}"))
    }

    fn back(_: &Reader, of: &Of<Self>) -> String {
        user_changes::details_of(of)
    }

    fn option(&self) -> Option<String> {
        Some(format!(" --user {}", self.name))
    }
}

impl Bounded for Bucket {
    fn quota(&self) -> &Quota {
        &self.quota
    }

    fn which(&self) -> QuotaOf {
        QuotaOf::Bucket(self.id)
    }

    fn here<'h>(reader: &Reader, of: &'h Of<Self>) -> Here<'h> {
        buckets::here(reader, of, say!("Quota of bucket {}"))
    }

    fn back(reader: &Reader, of: &Of<Self>) -> String {
        bucket_usage::back(reader, of)
    }

    fn option(&self) -> Option<String> {
        Some(format!(" --bucket {}", self.name))
    }
}
