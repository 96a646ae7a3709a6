CREATE TABLE public.cart_items (
    user_id bigint NOT NULL,
    product_id bigint NOT NULL,
    quantity bigint NOT NULL,
    product_name character varying(255) NOT NULL,
    unit_price_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    added_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT cart_items_quantity_check CHECK ((quantity >= 1))
);
CREATE TABLE public.cart_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.carts (
    user_id bigint NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.idempotency_keys (
    scope character varying(255) NOT NULL,
    key character varying(255) NOT NULL,
    request_hash character varying(64) NOT NULL,
    reply text,
    started_at timestamp with time zone NOT NULL,
    problem text
);
INSERT INTO public.cart_items VALUES (3, 65, 3, 'Brass lamp', 2999, 'EUR', '2026-11-27 06:55:06.878282+00', '2026-11-27 06:55:06.878282+00');
INSERT INTO public.cart_migrations VALUES ('0001_cart', 1795762486);
INSERT INTO public.cart_migrations VALUES ('0002_refusals', 1795762486);
INSERT INTO public.carts VALUES (3, 1795762506878282, '2026-11-27 06:55:06.878282+00', '2026-11-27 06:55:06.878282+00', '2026-11-28 06:55:06.878282+00');
ALTER TABLE ONLY public.cart_items
    ADD CONSTRAINT cart_items_pkey PRIMARY KEY (user_id, product_id);
ALTER TABLE ONLY public.cart_migrations
    ADD CONSTRAINT cart_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.carts
    ADD CONSTRAINT carts_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key);
CREATE INDEX carts_by_expiry ON public.carts USING btree (expires_at);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (started_at);
ALTER TABLE ONLY public.cart_items
    ADD CONSTRAINT cart_items_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.carts(user_id) ON DELETE CASCADE;
