CREATE TABLE public.outbox (
    id uuid NOT NULL,
    event text NOT NULL,
    attempts integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    reason text,
    dead_at timestamp with time zone,
    listener character varying(64) DEFAULT ''::character varying NOT NULL,
    replayed_at timestamp with time zone
);
CREATE TABLE public.payment_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.payments (
    id uuid NOT NULL,
    order_id bigint NOT NULL,
    attempt bigint NOT NULL,
    user_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    status character varying(16) NOT NULL,
    provider character varying(32) NOT NULL,
    payment_method character varying(100) NOT NULL,
    asks integer NOT NULL,
    provider_reference character varying(255),
    failure_reason text,
    action_kind text,
    action_description text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor >= 0))
);
INSERT INTO public.payment_migrations VALUES ('0001_payment', 1795762486);
INSERT INTO public.payment_migrations VALUES ('0002_outbox', 1795762486);
INSERT INTO public.payment_migrations VALUES ('0003_version', 1795762486);
INSERT INTO public.payment_migrations VALUES ('0004_outbox_listener', 1795762486);
INSERT INTO public.payments VALUES ('01a21bc9-2864-73bf-9454-da22240083e3', 2, 1, 3, 29998, 'EUR', 'failed', 'sandbox', 'sandbox_declined', 1, NULL, 'card_declined', NULL, NULL, '2026-11-27 06:54:57.636879+00', '2026-11-27 06:54:57.716813+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-2a04-7570-98c7-382e6c4d3e0b', 2, 2, 3, 29998, 'EUR', 'succeeded', 'sandbox', 'sandbox_success', 1, 'sandbox-order-2-2', NULL, NULL, NULL, '2026-11-27 06:54:58.052925+00', '2026-11-27 06:54:58.112586+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-32dd-73dd-b6aa-62307fed446d', 3, 1, 3, 29998, 'EUR', 'failed', 'sandbox', 'sandbox_declined', 1, NULL, 'card_declined', NULL, NULL, '2026-11-27 06:55:00.317348+00', '2026-11-27 06:55:00.344774+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-3421-74d4-86fe-301ad13a5b29', 3, 2, 3, 29998, 'EUR', 'succeeded', 'sandbox', 'sandbox_success', 1, 'sandbox-order-3-2', NULL, NULL, NULL, '2026-11-27 06:55:00.640991+00', '2026-11-27 06:55:00.662403+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-39fd-7642-8951-a1254de65f77', 4, 1, 3, 29998, 'EUR', 'failed', 'sandbox', 'sandbox_declined', 1, NULL, 'card_declined', NULL, NULL, '2026-11-27 06:55:02.141089+00', '2026-11-27 06:55:02.204645+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-3b70-7700-81ba-d0a9d62c5915', 4, 2, 3, 29998, 'EUR', 'succeeded', 'sandbox', 'sandbox_success', 1, 'sandbox-order-4-2', NULL, NULL, NULL, '2026-11-27 06:55:02.512958+00', '2026-11-27 06:55:02.523911+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-4a38-77c2-83e7-f8fc4b01cbce', 6, 1, 3, 29998, 'EUR', 'failed', 'sandbox', 'sandbox_declined', 1, NULL, 'card_declined', NULL, NULL, '2026-11-27 06:55:06.296835+00', '2026-11-27 06:55:06.309015+00', 2);
INSERT INTO public.payments VALUES ('01a21bc9-4acd-7517-8d55-4b8f9807a973', 6, 2, 3, 29998, 'EUR', 'refunded', 'sandbox', 'sandbox_success', 1, 'sandbox-order-6-2', NULL, NULL, NULL, '2026-11-27 06:55:06.444994+00', '2026-11-27 06:55:06.704375+00', 3);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id, listener);
ALTER TABLE ONLY public.payment_migrations
    ADD CONSTRAINT payment_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);
CREATE INDEX outbox_by_due ON public.outbox USING btree (due_at) WHERE (dead_at IS NULL);
CREATE INDEX outbox_by_listener ON public.outbox USING btree (listener, due_at) WHERE (dead_at IS NULL);
CREATE UNIQUE INDEX payments_by_attempt ON public.payments USING btree (order_id, attempt);
CREATE UNIQUE INDEX payments_one_per_order ON public.payments USING btree (order_id) WHERE ((status)::text = ANY ((ARRAY['processing'::character varying, 'requires_action'::character varying, 'succeeded'::character varying, 'refunded'::character varying])::text[]));
