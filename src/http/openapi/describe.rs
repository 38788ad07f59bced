//! How the document is told what the types of commands look like on the wire: those know of no HTTP.

/// Describes a type as the document names it, field by field as they are sent. The fields are those of
/// the type, or it does not compile; only their types differ where JSON has another one.
macro_rules! describe {
    ($($(#[$about:meta])* $of:ident as $name:ident {
        $($(#[$said:meta])* $field:ident: $type:ty),* $(,)?
    })*) => {$(
        const _: () = {
            $(#[$about])*
            #[derive(utoipa::ToSchema)]
            #[schema(as = $name, rename_all = "camelCase")]
            struct SchemaShape {
                $($(#[$said])* $field: $type,)*
            }

            impl utoipa::PartialSchema for $of {
                fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                    <SchemaShape as utoipa::PartialSchema>::schema()
                }
            }

            impl utoipa::ToSchema for $of {
                fn name() -> std::borrow::Cow<'static, str> {
                    <SchemaShape as utoipa::ToSchema>::name()
                }

                fn schemas(
                    schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
                ) {
                    <SchemaShape as utoipa::ToSchema>::schemas(schemas);
                }
            }

            fn has_these_fields($of { $($field: _),* }: &$of) {}
        };
    )*};
}

/// Describes what is read from a query, in the same way.
macro_rules! describe_query {
    ($($of:ident {
        $($(#[$said:meta])* $field:ident: $type:ty),* $(,)?
    })*) => {$(
        const _: () = {
            #[derive(utoipa::IntoParams)]
            #[into_params(parameter_in = Query)]
            struct ParameterShape {
                $($(#[$said])* $field: $type,)*
            }

            impl utoipa::IntoParams for $of {
                fn into_params(
                    place: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
                ) -> Vec<utoipa::openapi::path::Parameter> {
                    <ParameterShape as utoipa::IntoParams>::into_params(place)
                }
            }

            fn has_these_fields($of { $($field: _),* }: &$of) {}
        };
    )*};
}

pub(super) use {describe, describe_query};
