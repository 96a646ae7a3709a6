//! Attributes of the shop, and their values of products.

use crate::{
    Attribute, AttributeChanges, AttributeCode, AttributeValue, AttributeValues, Attributes, CategoryId, Choice, MAX_ATTRIBUTES,
    MAX_ATTRIBUTES_OF_PRODUCT, MAX_NUMBER, ProductError, SetAttribute,
    context::{Products, Result},
    entity::{
        attribute::{self, Kind},
        category, product_attribute,
    },
    rules,
    store::{self, attributes},
    view::to_attribute,
};
use kernel::{Ctx, Fault, IfMatch, Language, Role, Tagged, db::Tx, validate};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The values of a product's attributes, as the store keeps them.
pub(crate) struct Described {
    pub(crate) stored: String,
    /// What lists are restricted by. The rows name no product yet.
    pub(crate) index: Vec<product_attribute::Model>,
}

impl Products {
    pub(crate) async fn all_attributes(&self, cx: &Ctx) -> Result<Attributes> {
        let rows = attributes::all(self.db.read()).await?;
        Ok(Attributes { attributes: rows.into_iter().map(|row| self.shown_attribute(cx, row)).collect::<Result<_>>()? })
    }

    pub(crate) async fn one_attribute(&self, cx: &Ctx, code: &AttributeCode) -> Result<Attribute> {
        let row = attributes::one(self.db.read(), code).await?.ok_or(ProductError::AttributeNotFound)?;
        self.shown_attribute(cx, row)
    }

    /// An attribute as the caller reads it.
    pub(crate) fn shown_attribute(&self, cx: &Ctx, row: attribute::Model) -> Result<Attribute> {
        let attribute = to_attribute(row)?;
        Ok(if cx.has_role(Role::Admin) { attribute } else { attribute.read_in(&cx.languages().lookup(&self.language)) })
    }

    pub(crate) async fn put_attribute(&self, code: AttributeCode, if_match: &IfMatch, set: SetAttribute) -> Result<Attribute> {
        check(&set, &self.language)?;
        let row = to_row(code, set)?;
        loop {
            let tx = self.db.begin().await?;
            let Some(before) = attributes::lock(&*tx, &row.code).await? else {
                if if_match.versions::<Attribute>(&row.code).is_some() {
                    return Err(ProductError::AttributeNotFound);
                }
                if attributes::count(&*tx).await? >= MAX_ATTRIBUTES {
                    return Err(ProductError::TooManyAttributes);
                }
                if attributes::insert(&*tx, row.clone()).await? {
                    tx.commit().await?;
                    return to_attribute(row);
                }
                // another request has just added it
                continue;
            };
            return replace(tx, if_match, before, row).await;
        }
    }

    pub(crate) async fn remove_attribute(&self, code: &AttributeCode, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        let now = attributes::lock(&*tx, code.as_str()).await?.ok_or(ProductError::AttributeNotFound).and_then(to_attribute)?;
        if if_match.versions::<Attribute>(code).is_some_and(|versions| !versions.contains(&now.version)) {
            return Err(IfMatch::failed(now.etag()).into());
        }
        store::lock_categories(&*tx).await?;
        let is_required = |row: &category::Model| Ok::<_, Fault>(required_of(row)?.contains(code));
        let mut is_used = attributes::is_used(&*tx, code.as_str()).await?;
        for row in &store::categories(&*tx).await? {
            is_used |= is_required(row)?;
        }
        if is_used {
            return Err(ProductError::AttributeInUse { what: format!("Attribute {code}") });
        }
        attributes::delete(&*tx, code).await?;
        Ok(tx.commit().await?)
    }

    /// Checks the values of a product's attributes. Until the end of the transaction the attributes stay as they are.
    pub(crate) async fn describe(&self, tx: &Tx, values: &AttributeValues) -> Result<Described> {
        if values.is_empty() {
            return Ok(Described { stored: String::new(), index: Vec::new() });
        }
        let known = attributes::share(&**tx, values.keys()).await?;
        Ok(Described { stored: rules::to_stored(values)?, index: index(values, &known)? })
    }

    /// Refuses a product of a category that lacks attributes which this or a category above it requires.
    pub(crate) async fn must_have_required(&self, tx: &Tx, category: Option<CategoryId>, values: &AttributeValues) -> Result<()> {
        let Some(category) = category else { return Ok(()) };
        let all: HashMap<i64, category::Model> =
            store::categories(&**tx).await?.into_iter().map(|category| (category.id, category)).collect();
        Ok(has_required(category, values, &all)?)
    }

    /// Refuses codes of attributes that do not exist in the member `required_attributes`.
    pub(crate) async fn must_be_attributes(&self, tx: &Tx, codes: &[AttributeCode]) -> Result<()> {
        if codes.is_empty() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        if let Some(i) = codes.iter().position(|code| !seen.insert(code)) {
            return Err(Fault::invalid(format!("/required_attributes/{i}"), "is there twice").into());
        }
        let known: HashSet<_> = attributes::share(&**tx, codes).await?.into_iter().map(|row| row.code).collect();
        match codes.iter().position(|code| !known.contains(code.as_str())) {
            None => Ok(()),
            Some(i) => Err(Fault::invalid(format!("/required_attributes/{i}"), "must be an existing attribute").into()),
        }
    }
}

fn required_of(row: &category::Model) -> Result<Vec<AttributeCode>, Fault> {
    rules::stored(&row.required_attributes)
}

/// Replaces an attribute, which is locked, if what products have stays valid.
async fn replace(tx: Tx, if_match: &IfMatch, before: attribute::Model, row: attribute::Model) -> Result<Attribute> {
    if if_match.versions::<Attribute>(&before.code).is_some_and(|versions| !versions.contains(&before.version)) {
        return Err(IfMatch::failed(to_attribute(before)?.etag()).into());
    }
    let row = attribute::Model { version: before.version, ..row };
    if row == before {
        return to_attribute(before);
    }
    if row.kind != before.kind && attributes::is_used(&*tx, &row.code).await? {
        return Err(ProductError::AttributeInUse { what: format!("Attribute {}", row.code) });
    }
    let codes = |row: &attribute::Model| {
        let choices: Vec<Choice> = rules::stored(&row.choices)?;
        Ok::<_, Fault>(choices.into_iter().map(|choice| choice.code.to_string()).collect::<HashSet<_>>())
    };
    let gone: Vec<_> = codes(&before)?.difference(&codes(&row)?).cloned().collect();
    if let Some(used) = attributes::used_choice(&*tx, &row.code, &gone).await? {
        return Err(ProductError::AttributeInUse { what: format!("Choice {used}") });
    }
    let row = attributes::update(&*tx, attribute::Model { version: before.version + 1, ..row }).await?;
    tx.commit().await?;
    to_attribute(row)
}

fn to_row(code: AttributeCode, set: SetAttribute) -> Result<attribute::Model, Fault> {
    Ok(attribute::Model {
        code: code.to_string(),
        name: set.name.into(),
        kind: set.kind.into(),
        unit: set.unit.map(String::from),
        choices: rules::to_stored(&set.choices)?,
        translations: rules::to_stored(&set.translations)?,
        version: 1,
    })
}

/// Checks what the kind of an attribute demands of its other members.
fn check(set: &SetAttribute, own: &Language) -> Result<(), Fault> {
    let kind: Kind = set.kind.into();
    let may_choose = matches!(kind, Kind::Choice | Kind::Choices);
    if may_choose && set.choices.is_empty() {
        return Err(Fault::invalid("/choices", "must have 1 to 500 items"));
    }
    if !may_choose && !set.choices.is_empty() {
        return Err(Fault::invalid("/choices", "must be absent: the kind has no choices"));
    }
    if set.unit.is_some() && kind != Kind::Number {
        return Err(Fault::invalid("/unit", "must be absent: only numbers have a unit"));
    }
    let mut seen = HashSet::new();
    if let Some(i) = set.choices.iter().position(|choice| !seen.insert(&choice.code)) {
        return Err(Fault::invalid(format!("/choices/{i}/code"), "is there twice"));
    }
    let mut languages = HashSet::from([own]);
    for (i, translation) in set.translations.iter().enumerate() {
        if !languages.insert(&translation.language) {
            let rule = format!("must not be {own}, the shop's own language, nor be there twice");
            return Err(Fault::invalid(format!("/translations/{i}/language"), rule));
        }
        if let Some(n) = translation.choices.iter().position(|choice| !seen.contains(&choice.code)) {
            return Err(Fault::invalid(format!("/translations/{i}/choices/{n}/code"), "must be one of the choices"));
        }
    }
    Ok(())
}

/// Refuses values that lack attributes which the category or one above it requires; `all` are the categories that there are.
pub(crate) fn has_required(
    category: CategoryId,
    values: &AttributeValues,
    all: &HashMap<i64, category::Model>,
) -> Result<(), Fault> {
    let (mut missing, mut next, mut seen) = (BTreeMap::new(), Some(category.0), HashSet::new());
    while let Some(row) = next.filter(|id| seen.insert(*id)).and_then(|id| all.get(&id)) {
        for code in required_of(row)?.into_iter().filter(|code| !values.contains_key(code)) {
            missing.insert(code, row.id);
        }
        next = row.parent_id;
    }
    match missing.into_iter().next() {
        None => Ok(()),
        Some((code, by)) => {
            let rule = format!("is required by category {by} for what is active");
            Err(Fault::invalid(format!("/attributes/{code}"), rule))
        }
    }
}

/// The rows by which a product with these values is found.
fn index(values: &AttributeValues, known: &[attribute::Model]) -> Result<Vec<product_attribute::Model>, Fault> {
    let known: HashMap<&str, &attribute::Model> = known.iter().map(|row| (row.code.as_str(), row)).collect();
    let mut rows = Vec::new();
    for (code, value) in values {
        rows.extend(index_of(code, value, known.get(code.as_str()).copied())?);
    }
    Ok(rows)
}

/// The rows by which a product with this value of an attribute is found, if the value is one of those that the attribute can have.
pub(crate) fn index_of(
    code: &AttributeCode,
    value: &AttributeValue,
    attribute: Option<&attribute::Model>,
) -> Result<Vec<product_attribute::Model>, Fault> {
    let wrong = |rule: String| Fault::invalid(format!("/attributes/{code}"), rule);
    let attribute = attribute.ok_or_else(|| wrong("is not an attribute of this shop".into()))?;
    let row =
        |value: &str, number| product_attribute::Model { product_id: 0, code: code.to_string(), value: value.into(), number };
    let must_be_choice = |chosen: &str| {
        let choices: Vec<Choice> = rules::stored(&attribute.choices)?;
        if choices.iter().any(|choice| choice.code.as_str() == chosen) {
            return Ok(());
        }
        let some: Vec<_> = choices.iter().take(10).map(|choice| choice.code.as_str()).collect();
        let more = if choices.len() > some.len() { " or another of its choices" } else { "" };
        Err(wrong(format!("must be {}{more}", some.join(", "))))
    };
    match (attribute.kind, value) {
        (Kind::Text, AttributeValue::Text(text)) => {
            validate(text).map_err(|fault| wrong(fault.errors().first().map_or_else(String::new, |e| e.detail.clone())))?;
            Ok(vec![row("", None)])
        }
        (Kind::Number, AttributeValue::Number(number)) if number.0.abs() <= MAX_NUMBER => Ok(vec![row("", Some(number.0))]),
        (Kind::Boolean, AttributeValue::Boolean(is)) => Ok(vec![row(if *is { "true" } else { "false" }, None)]),
        (Kind::Choice, AttributeValue::Text(chosen)) => {
            must_be_choice(chosen)?;
            Ok(vec![row(chosen, None)])
        }
        (Kind::Choices, AttributeValue::Choices(all)) => {
            let mut seen = HashSet::new();
            if all.is_empty() || all.iter().any(|chosen| !seen.insert(chosen)) {
                return Err(wrong("must be a list of one or more codes, each once".into()));
            }
            let chosen = all.iter().map(|chosen| {
                must_be_choice(chosen.as_str())?;
                Ok(row(chosen.as_str(), None))
            });
            chosen.collect()
        }
        (kind, _) => Err(wrong(
            match kind {
                Kind::Text => "must be text of 1 to 255 characters",
                Kind::Number => "must be a number from -1000000000000 to 1000000000000",
                Kind::Boolean => "must be true or false",
                Kind::Choice => "must be the code of one of its choices",
                Kind::Choices => "must be a list of codes of its choices",
            }
            .into(),
        )),
    }
}

/// What a product's attributes shall be.
pub(crate) enum Values {
    /// These and no others.
    All(AttributeValues),
    /// Those that the product has, with changes.
    Changed(AttributeChanges),
}

impl Values {
    /// The values of a product that has these now.
    pub(crate) fn of(self, now: AttributeValues) -> Result<AttributeValues, Fault> {
        let after = match self {
            Self::All(values) => values,
            Self::Changed(changes) => {
                let mut after = now;
                for (code, value) in changes {
                    match value {
                        Some(value) => drop(after.insert(code, value)),
                        None => drop(after.remove(&code)),
                    }
                }
                after
            }
        };
        if after.len() > MAX_ATTRIBUTES_OF_PRODUCT {
            return Err(Fault::invalid("/attributes", format!("must have at most {MAX_ATTRIBUTES_OF_PRODUCT} members")));
        }
        Ok(after)
    }
}
