//! Facets of a list: how many of its products have which values.

use crate::{
    Attribute, Category, Facet, FacetKind, FacetKinds, FacetValue, Number, ProductError,
    context::{Products, Result},
    list::Terms,
    store::{
        self, attributes,
        facets::{self, By, Counted},
    },
};
use kernel::{Ctx, Money};
use std::collections::{BTreeMap, HashMap};

/// The names of what is counted.
struct Names {
    categories: Vec<Category>,
    attributes: HashMap<String, Attribute>,
}

impl Products {
    /// Counts the products of a list. What restricts the list by a facet does not count for this one, so that a buyer sees what another
    /// choice would find.
    pub(crate) async fn facets(&self, cx: &Ctx, kinds: &FacetKinds, terms: &Terms) -> Result<Vec<Facet>> {
        let db = self.db.read();
        let (together, apart) = plan(kinds, terms);
        let one = async |terms: &Terms, by: &[By]| facets::count(db, &terms.filter(), &terms.query, by).await;
        let together = one(terms, &together);
        let apart = futures_util::future::try_join_all(apart.iter().map(|(terms, by)| one(terms, std::slice::from_ref(by))));
        let (mut counted, apart) = tokio::try_join!(together, apart)?;
        counted.extend(apart.into_iter().flatten());
        let names = self.names(cx, kinds, &counted).await?;
        let mut facets: BTreeMap<(usize, String), Facet> = BTreeMap::new();
        let place = |kind| kinds.as_slice().iter().position(|asked| *asked == kind).unwrap_or_default();
        for one in counted {
            let Some(kind) = kind_of(&one.kind) else { continue };
            let facet = facets.entry((place(kind), one.code.clone())).or_insert_with(|| names.facet(kind, &one));
            match kind {
                FacetKind::Price => {
                    facet.lowest = one.lowest.map(|minor| self.amount(minor));
                    facet.highest = one.highest.map(|minor| self.amount(minor));
                }
                FacetKind::Attribute if one.kind == "number" => {
                    facet.lowest = one.lowest.map(Number);
                    facet.highest = one.highest.map(Number);
                }
                _ => facet.values.push(names.value(kind, one)),
            }
        }
        let mut facets: Vec<Facet> = facets.into_values().collect();
        for facet in facets.iter_mut().filter(|facet| facet.kind == FacetKind::Category) {
            facet.values = with_those_below(std::mem::take(&mut facet.values), &names.categories);
        }
        Ok(facets)
    }

    #[expect(clippy::cast_possible_truncation, reason = "prices are at most 9,999,999,999")]
    fn amount(&self, minor: f64) -> Number {
        let amount = Money { minor: minor as i64, currency: self.currency }.amount();
        // an amount is a decimal number
        Number(amount.to_string().parse().unwrap_or_default())
    }

    async fn names(&self, cx: &Ctx, kinds: &FacetKinds, counted: &[Counted]) -> Result<Names> {
        let db = self.db.read();
        let categories = async {
            match kinds.as_slice().contains(&FacetKind::Category) {
                true => self.shown_categories(cx, store::categories(db).await?).await,
                false => Ok(Vec::new()),
            }
        };
        let codes: Vec<&str> =
            counted.iter().filter(|one| kind_of(&one.kind) == Some(FacetKind::Attribute)).map(|one| one.code.as_str()).collect();
        let attributes = async { Ok(attributes::some(db, &codes).await?) };
        let (categories, attributes) = tokio::try_join!(categories, attributes)?;
        let attributes =
            attributes.into_iter().map(|row| Ok::<_, ProductError>((row.code.clone(), self.shown_attribute(cx, row)?)));
        Ok(Names { categories, attributes: attributes.collect::<Result<_, _>>()? })
    }
}

/// What can be counted with the whole filter, in one statement, and what needs a filter without its own part.
fn plan(kinds: &FacetKinds, terms: &Terms) -> (Vec<By>, Vec<(Terms, By)>) {
    let (mut together, mut apart) = (Vec::new(), Vec::new());
    let query = &terms.query;
    let with = |change: &dyn Fn(&mut Terms)| {
        let mut terms = terms.clone();
        change(&mut terms);
        terms
    };
    for kind in kinds.as_slice() {
        match kind {
            FacetKind::Category if terms.categories.is_some() => {
                apart.push((with(&|terms| terms.categories = None), By::Category));
            }
            FacetKind::Category => together.push(By::Category),
            FacetKind::Brand if query.brand.is_some() => apart.push((with(&|terms| terms.query.brand = None), By::Brand)),
            FacetKind::Brand => together.push(By::Brand),
            FacetKind::Tag if query.tag.is_some() => apart.push((with(&|terms| terms.query.tag = None), By::Tag)),
            FacetKind::Tag => together.push(By::Tag),
            FacetKind::Price if terms.lowest.is_some() || terms.highest.is_some() => {
                apart.push((with(&|terms| (terms.lowest, terms.highest) = (None, None)), By::Price));
            }
            FacetKind::Price => together.push(By::Price),
            FacetKind::InStock if query.in_stock.is_some() => {
                apart.push((with(&|terms| terms.query.in_stock = None), By::InStock));
            }
            FacetKind::InStock => together.push(By::InStock),
            FacetKind::Option => {
                together.push(By::Option(None));
                for name in query.options.iter().flat_map(|filter| filter.options().keys()) {
                    let without = |terms: &mut Terms| {
                        terms.query.options = terms.query.options.as_ref().and_then(|filter| filter.without(name));
                    };
                    apart.push((with(&without), By::Option(Some(name.clone()))));
                }
            }
            FacetKind::Attribute => {
                together.push(By::Attribute(None));
                for code in query.attributes.iter().flat_map(|filter| filter.attributes().keys()) {
                    let without = |terms: &mut Terms| {
                        terms.query.attributes = terms.query.attributes.as_ref().and_then(|filter| filter.without(code));
                    };
                    apart.push((with(&without), By::Attribute(Some(code.clone()))));
                }
            }
        }
    }
    (together, apart)
}

fn kind_of(kind: &str) -> Option<FacetKind> {
    Some(match kind {
        "category" => FacetKind::Category,
        "brand" => FacetKind::Brand,
        "tag" => FacetKind::Tag,
        "price" => FacetKind::Price,
        "in_stock" => FacetKind::InStock,
        "option" => FacetKind::Option,
        "attribute" | "number" => FacetKind::Attribute,
        _ => return None,
    })
}

impl Names {
    fn facet(&self, kind: FacetKind, one: &Counted) -> Facet {
        let attribute = self.attributes.get(&one.code).filter(|_| kind == FacetKind::Attribute);
        let name = match kind {
            FacetKind::Option => Some(one.title.clone()),
            FacetKind::Attribute => Some(attribute.map_or_else(|| one.code.clone(), |row| row.name.clone())),
            _ => None,
        };
        let code = matches!(kind, FacetKind::Option | FacetKind::Attribute).then(|| one.code.clone());
        let unit = attribute.and_then(|row| row.unit.clone());
        Facet { kind, code, name, unit, values: Vec::new(), lowest: None, highest: None }
    }

    fn value(&self, kind: FacetKind, one: Counted) -> FacetValue {
        let choice = || {
            let choices = &self.attributes.get(&one.code)?.choices;
            choices.iter().find(|choice| choice.code.as_str() == one.value).map(|choice| choice.name.to_string())
        };
        let name = match kind {
            FacetKind::Attribute => choice().unwrap_or_else(|| one.value.clone()),
            _ => one.label,
        };
        FacetValue { value: one.value, name, count: one.products.unsigned_abs() }
    }
}

/// The numbers of categories with those of the categories below them, the highest first, and their names.
fn with_those_below(values: Vec<FacetValue>, categories: &[Category]) -> Vec<FacetValue> {
    let parents: HashMap<i64, Option<i64>> =
        categories.iter().map(|category| (category.id.0, category.parent_id.map(|id| id.0))).collect();
    let mut sums: HashMap<i64, u64> = HashMap::new();
    for value in values {
        let (mut next, mut left) = (value.value.parse().ok(), parents.len());
        // as many steps as there are categories end a circle
        while let Some(id) = next.filter(|_| left > 0) {
            *sums.entry(id).or_default() += value.count;
            (next, left) = (parents.get(&id).copied().flatten(), left - 1);
        }
    }
    let value = |category: &Category| {
        let count = *sums.get(&category.id.0)?;
        Some(FacetValue { value: category.id.to_string(), name: category.name.clone(), count })
    };
    let mut values: Vec<_> = categories.iter().filter_map(value).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.count));
    values.truncate(crate::MAX_FACET_VALUES);
    values
}
