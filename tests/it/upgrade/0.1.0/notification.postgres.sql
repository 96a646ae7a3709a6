CREATE TABLE public.contacts (
    user_id bigint NOT NULL,
    email text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    phone text,
    updated_at timestamp with time zone NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    email_confirmed boolean DEFAULT false NOT NULL
);
CREATE TABLE public.inbox (
    event_id uuid NOT NULL,
    handled_at timestamp with time zone NOT NULL
);
CREATE TABLE public.notification_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.notifications (
    id uuid NOT NULL,
    event_id uuid NOT NULL,
    user_id bigint NOT NULL,
    kind character varying(32) NOT NULL,
    channel character varying(8) NOT NULL,
    locale character varying(35) NOT NULL,
    recipient text,
    subject text NOT NULL,
    text text NOT NULL,
    html text,
    status character varying(8) NOT NULL,
    attempts integer NOT NULL,
    last_error text,
    due_at timestamp with time zone NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    read_at timestamp with time zone,
    claims integer DEFAULT 0 NOT NULL,
    address text,
    secret text,
    is_personal boolean DEFAULT false NOT NULL,
    resend_key text,
    traceparent character varying(55)
);
CREATE TABLE public.preferences (
    user_id bigint NOT NULL,
    preferences text NOT NULL
);
INSERT INTO public.contacts VALUES (2, 'customer@souk.test', 'Demo', 'Customer', NULL, '2026-11-27 06:54:46.72972+00', 1, true);
INSERT INTO public.contacts VALUES (1, 'admin@souk.test', 'Demo', 'Admin', NULL, '2026-11-27 06:54:46.72793+00', 1, true);
INSERT INTO public.contacts VALUES (3, 'leyla@example.com', 'Leyla', 'Aziz', '+4915112345678', '2026-11-27 06:54:53.658834+00', 1, false);
INSERT INTO public.inbox VALUES ('01a21bc8-fdc9-727e-afa4-33f457dfcbcc', '2026-11-27 06:54:46.759505+00');
INSERT INTO public.inbox VALUES ('01a21bc8-fdc7-71b0-92f4-b4f9aeebd2e1', '2026-11-27 06:54:46.759976+00');
INSERT INTO public.inbox VALUES ('01a21bc9-18da-708d-ae04-d7f9f96f86e6', '2026-11-27 06:54:53.865573+00');
INSERT INTO public.inbox VALUES ('01a21bc9-229c-70ce-b81a-4fec3e6f0812', '2026-11-27 06:54:56.389239+00');
INSERT INTO public.inbox VALUES ('01a21bc9-261b-7581-8470-c07a3d463823', '2026-11-27 06:54:57.118383+00');
INSERT INTO public.inbox VALUES ('01a21bc9-28c4-7406-ac4f-c6d511070ff9', '2026-11-27 06:54:57.865929+00');
INSERT INTO public.inbox VALUES ('01a21bc9-2a75-709b-926e-26b69f56f93a', '2026-11-27 06:54:58.38849+00');
INSERT INTO public.inbox VALUES ('01a21bc9-2df0-708f-b3f7-9134e487ea24', '2026-11-27 06:54:59.264635+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3313-7030-a8d8-fa9d8d436a8e', '2026-11-27 06:55:00.493857+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3444-72b0-a341-3a327314694d', '2026-11-27 06:55:00.696505+00');
INSERT INTO public.inbox VALUES ('01a21bc9-34c3-71dc-aa68-d5a86e4ce3c5', '2026-11-27 06:55:00.840778+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3772-757d-9024-5418b2743483', '2026-11-27 06:55:01.51371+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3a45-70d3-a2fb-1e8113049ba7', '2026-11-27 06:55:02.320521+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3bb8-70ea-b68d-cb366ab0dcb6', '2026-11-27 06:55:02.725123+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3d40-76bc-a355-0b06bc4f3397', '2026-11-27 06:55:03.100112+00');
INSERT INTO public.inbox VALUES ('01a21bc9-3e43-760b-b45e-e0d3153c7206', '2026-11-27 06:55:03.293572+00');
INSERT INTO public.inbox VALUES ('01a21bc9-40dd-72cd-b3d5-623e1691b350', '2026-11-27 06:55:04.112701+00');
INSERT INTO public.inbox VALUES ('01a21bc9-469c-74de-b246-73c10ece0a0e', '2026-11-27 06:55:05.524843+00');
INSERT INTO public.inbox VALUES ('01a21bc9-4929-7308-8a0b-af457db956d0', '2026-11-27 06:55:06.074636+00');
INSERT INTO public.inbox VALUES ('01a21bc9-4a45-704e-9cba-27a380842092', '2026-11-27 06:55:06.33646+00');
INSERT INTO public.inbox VALUES ('01a21bc9-4b23-71f2-830a-2b7bd30a6d22', '2026-11-27 06:55:06.600436+00');
INSERT INTO public.inbox VALUES ('01a21bc9-4b96-72ab-b1e8-ccb049294d95', '2026-11-27 06:55:06.733736+00');
INSERT INTO public.inbox VALUES ('01a21bc9-4bdf-7462-b99a-a4583d149bb6', '2026-11-27 06:55:06.791478+00');
INSERT INTO public.notification_migrations VALUES ('0001_notification', 1795762486);
INSERT INTO public.notification_migrations VALUES ('0002_delivery', 1795762486);
INSERT INTO public.notification_migrations VALUES ('0003_trace', 1795762486);
INSERT INTO public.notifications VALUES ('01a21bc8-fde7-72a5-98ce-e8132de29ed9', '01a21bc8-fdc7-71b0-92f4-b4f9aeebd2e1', 1, 'user.registered', 'email', 'en', 'admin@souk.test', 'Welcome to Souk', 'Hello Demo,
Your account is open. We are glad that you are here.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Welcome to Souk</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello Demo,</p>
<p>Your account is open. We are glad that you are here.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:54:56.769+00', '2026-11-27 06:54:46.758+00', '2026-11-27 06:54:46.758+00', '2026-11-27 06:54:46.785+00', NULL, 1, NULL, NULL, true, NULL, '00-0560234d42186df445ee07c653204af2-5424852765758bcf-00');
INSERT INTO public.notifications VALUES ('01a21bc8-fde6-72ac-85af-5204e1bff48d', '01a21bc8-fdc9-727e-afa4-33f457dfcbcc', 2, 'user.registered', 'email', 'en', 'customer@souk.test', 'Welcome to Souk', 'Hello Demo,
Your account is open. We are glad that you are here.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Welcome to Souk</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello Demo,</p>
<p>Your account is open. We are glad that you are here.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:54:56.769+00', '2026-11-27 06:54:46.753+00', '2026-11-27 06:54:46.753+00', '2026-11-27 06:54:46.784+00', NULL, 1, NULL, NULL, true, NULL, '00-9665a59a8ff7303b9a5d57c7012a533b-63c8733a578fd909-00');
INSERT INTO public.notifications VALUES ('01a21bc9-198e-73b9-9f09-431175c26086', '01a21bc9-18da-708d-ae04-d7f9f96f86e6', 3, 'user.registered', 'email', 'en', 'leyla@example.com', 'Welcome to Souk', 'Hello,
Your account is open. We are glad that you are here.
Please confirm that this address is yours, with this code:
••••••••
Was it somebody else who gave us your address? Then take it back with the same code, or leave this mail unanswered: the address stays unconfirmed.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Welcome to Souk</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Your account is open. We are glad that you are here.</p>
<p>Please confirm that this address is yours, with this code: <b>••••••••</b></p>
<p>Was it somebody else who gave us your address? Then take it back with the same code, or leave this mail unanswered: the address stays unconfirmed.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:03.924+00', '2026-11-27 06:54:53.827+00', '2026-11-27 06:54:53.827+00', '2026-11-27 06:54:53.98+00', NULL, 1, 'leyla@example.com', '002b143a060dd0bbe6786bb24f19be1777ddab84b0eb86f03f0e26e09842896b', false, NULL, '00-3cf729d5af209295c316b72d6936e2e2-cad76654be779da1-00');
INSERT INTO public.notifications VALUES ('01a21bc9-2371-72ae-bd9d-353be552cbbf', '01a21bc9-229c-70ce-b81a-4fec3e6f0812', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000001', 'Hello,
Thank you for your order S-00000001. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
Total: 59.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000001</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000001. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">59.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:06.431+00', '2026-11-27 06:54:56.341+00', '2026-11-27 06:54:56.341+00', '2026-11-27 06:54:56.468+00', NULL, 1, NULL, NULL, false, NULL, '00-57f89bc9abefe0d536da50de1897ff93-ef873433c14784e3-00');
INSERT INTO public.notifications VALUES ('01a21bc9-265a-73b5-b427-a614a810e0a6', '01a21bc9-261b-7581-8470-c07a3d463823', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000002', 'Hello,
Thank you for your order S-00000002. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000002</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000002. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:07.171+00', '2026-11-27 06:54:57.108+00', '2026-11-27 06:54:57.108+00', '2026-11-27 06:54:57.221+00', NULL, 1, NULL, NULL, false, NULL, '00-4eec45d4418687a06795efa35f0fe131-d7a25c05feaa0b86-00');
INSERT INTO public.notifications VALUES ('01a21bc9-2941-759c-81b9-a72f62d2e0ff', '01a21bc9-28c4-7406-ac4f-c6d511070ff9', 3, 'payment.failed', 'email', 'en', 'leyla@example.com', 'Your payment was not accepted', 'Hello,
The payment of 299.98 EUR for your order S-00000002 was not accepted (the card was declined). Nothing was charged.
Your order is kept for a while: you can pay again, also in another way.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your payment was not accepted</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>The payment of 299.98 EUR for your order S-00000002 was not accepted (the card was declined). Nothing was charged.</p>
<p>Your order is kept for a while: you can pay again, also in another way.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:07.912+00', '2026-11-27 06:54:57.855+00', '2026-11-27 06:54:57.855+00', '2026-11-27 06:54:57.955+00', NULL, 1, NULL, NULL, false, NULL, '00-bed1ee868c388606c2b069b8ef5a6c61-922987f5d7ae6982-00');
INSERT INTO public.notifications VALUES ('01a21bc9-2b4a-7485-a70c-7f2f4bde5ce6', '01a21bc9-2a75-709b-926e-26b69f56f93a', 3, 'order.paid', 'email', 'en', 'leyla@example.com', 'We have received your payment of order S-00000002', 'Hello,
Thank you: your order S-00000002 is paid. We tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your payment of order S-00000002</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you: your order S-00000002 is paid. We tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:08.432+00', '2026-11-27 06:54:58.375+00', '2026-11-27 06:54:58.375+00', '2026-11-27 06:54:58.479+00', NULL, 1, NULL, NULL, false, NULL, '00-93a7742303cf9c9489adc84c75fae8e5-af031d1bd9c475ca-00');
INSERT INTO public.notifications VALUES ('01a21bc9-2e9e-77c1-9d5d-b500ba8cea9b', '01a21bc9-2df0-708f-b3f7-9134e487ea24', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000003', 'Hello,
Thank you for your order S-00000003. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000003</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000003. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:09.308+00', '2026-11-27 06:54:59.227+00', '2026-11-27 06:54:59.227+00', '2026-11-27 06:54:59.367+00', NULL, 1, NULL, NULL, false, NULL, '00-1569d46c13e7b9cc9aaba2c61c508301-9af544eef19b8ea4-00');
INSERT INTO public.notifications VALUES ('01a21bc9-34dc-7524-bb85-d0d14f02348f', '01a21bc9-34c3-71dc-aa68-d5a86e4ce3c5', 3, 'order.shipped', 'sms', 'en', '+4915112345678', 'Your order S-00000003 is on its way', 'Souk: Your order S-00000003 is on its way.', NULL, 'sent', 0, NULL, '2026-11-27 06:55:10.887+00', '2026-11-27 06:55:00.82+00', '2026-11-27 06:55:00.82+00', '2026-11-27 06:55:00.958+00', NULL, 1, NULL, NULL, false, NULL, '00-193043cb233e045053efcdfb34ad0f9b-d072cf993b0f2804-00');
INSERT INTO public.notifications VALUES ('01a21bc9-34dc-7524-bb85-d0d03c0a5908', '01a21bc9-34c3-71dc-aa68-d5a86e4ce3c5', 3, 'order.shipped', 'email', 'en', 'leyla@example.com', 'Your order S-00000003 is on its way', 'Hello,
Your order S-00000003 has left our house.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your order S-00000003 is on its way</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Your order S-00000003 has left our house.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:10.887+00', '2026-11-27 06:55:00.82+00', '2026-11-27 06:55:00.82+00', '2026-11-27 06:55:00.963+00', NULL, 1, NULL, NULL, false, NULL, '00-193043cb233e045053efcdfb34ad0f9b-d072cf993b0f2804-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3385-7409-b418-4fb30b30240f', '01a21bc9-3313-7030-a8d8-fa9d8d436a8e', 3, 'payment.failed', 'email', 'en', 'leyla@example.com', 'Your payment was not accepted', 'Hello,
The payment of 299.98 EUR for your order S-00000003 was not accepted (the card was declined). Nothing was charged.
Your order is kept for a while: you can pay again, also in another way.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your payment was not accepted</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>The payment of 299.98 EUR for your order S-00000003 was not accepted (the card was declined). Nothing was charged.</p>
<p>Your order is kept for a while: you can pay again, also in another way.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:10.515+00', '2026-11-27 06:55:00.476+00', '2026-11-27 06:55:00.476+00', '2026-11-27 06:55:00.531+00', NULL, 1, NULL, NULL, false, NULL, '00-bbb386a7dd6bae00005fdb5fe832dea4-5cfa079cc23f9868-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3454-709c-b422-c3e4dc80f368', '01a21bc9-3444-72b0-a341-3a327314694d', 3, 'order.paid', 'email', 'en', 'leyla@example.com', 'We have received your payment of order S-00000003', 'Hello,
Thank you: your order S-00000003 is paid. We tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your payment of order S-00000003</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you: your order S-00000003 is paid. We tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:10.704+00', '2026-11-27 06:55:00.689+00', '2026-11-27 06:55:00.689+00', '2026-11-27 06:55:00.714+00', NULL, 1, NULL, NULL, false, NULL, '00-3cd6c28af0d04f44613c05ee3e986024-83b13988a64eff99-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3e7c-7516-b81e-068393939ede', '01a21bc9-3e43-760b-b45e-e0d3153c7206', 3, 'order.delivered', 'email', 'en', 'leyla@example.com', 'Your order S-00000004 has arrived', 'Hello,
Your order S-00000004 has been delivered. We hope that you like it.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your order S-00000004 has arrived</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Your order S-00000004 has been delivered. We hope that you like it.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:13.308+00', '2026-11-27 06:55:03.289+00', '2026-11-27 06:55:03.289+00', '2026-11-27 06:55:03.337+00', NULL, 1, NULL, NULL, false, NULL, '00-12556baca9fa796f34a0aacf0fac5c81-c4c177f2d4575139-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3e7d-7057-acd4-722afd09f949', '01a21bc9-3e43-760b-b45e-e0d3153c7206', 3, 'order.delivered', 'sms', 'en', '+4915112345678', 'Your order S-00000004 has arrived', 'Souk: Your order S-00000004 has been delivered.', NULL, 'sent', 0, NULL, '2026-11-27 06:55:13.308+00', '2026-11-27 06:55:03.289+00', '2026-11-27 06:55:03.289+00', '2026-11-27 06:55:03.359+00', NULL, 1, NULL, NULL, false, NULL, '00-12556baca9fa796f34a0aacf0fac5c81-c4c177f2d4575139-00');
INSERT INTO public.notifications VALUES ('01a21bc9-41a0-7058-aa7e-41c14dce87ab', '01a21bc9-40dd-72cd-b3d5-623e1691b350', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000005', 'Hello,
Thank you for your order S-00000005. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000005</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000005. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:14.161+00', '2026-11-27 06:55:04.071+00', '2026-11-27 06:55:04.071+00', '2026-11-27 06:55:04.208+00', NULL, 1, NULL, NULL, false, NULL, '00-3cd39327bb3f0268b98384824faba923-9bd9986c6d2fd2d7-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3789-7077-adbc-460a9098945e', '01a21bc9-3772-757d-9024-5418b2743483', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000004', 'Hello,
Thank you for your order S-00000004. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000004</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000004. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:11.527+00', '2026-11-27 06:55:01.51+00', '2026-11-27 06:55:01.51+00', '2026-11-27 06:55:01.54+00', NULL, 1, NULL, NULL, false, NULL, '00-41ff55fedc0fc89bcd69915b930a5d87-9de65649c4e50cae-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3aa9-769b-bf5a-93ed1dec3096', '01a21bc9-3a45-70d3-a2fb-1e8113049ba7', 3, 'payment.failed', 'email', 'en', 'leyla@example.com', 'Your payment was not accepted', 'Hello,
The payment of 299.98 EUR for your order S-00000004 was not accepted (the card was declined). Nothing was charged.
Your order is kept for a while: you can pay again, also in another way.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your payment was not accepted</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>The payment of 299.98 EUR for your order S-00000004 was not accepted (the card was declined). Nothing was charged.</p>
<p>Your order is kept for a while: you can pay again, also in another way.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:12.352+00', '2026-11-27 06:55:02.311+00', '2026-11-27 06:55:02.311+00', '2026-11-27 06:55:02.411+00', NULL, 1, NULL, NULL, false, NULL, '00-c9f63df6418b30ae3e380b34d306d502-e8a422f13c1704e6-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3c31-7739-a53e-3dfb95611fa1', '01a21bc9-3bb8-70ea-b68d-cb366ab0dcb6', 3, 'order.paid', 'email', 'en', 'leyla@example.com', 'We have received your payment of order S-00000004', 'Hello,
Thank you: your order S-00000004 is paid. We tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your payment of order S-00000004</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you: your order S-00000004 is paid. We tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:12.78+00', '2026-11-27 06:55:02.688+00', '2026-11-27 06:55:02.688+00', '2026-11-27 06:55:02.851+00', NULL, 1, NULL, NULL, false, NULL, '00-79e63bb1ccdbf22a12ecdd6886266cc4-d09235e3118ad2b1-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3db3-7533-a8e6-34d5eeb679fe', '01a21bc9-3d40-76bc-a355-0b06bc4f3397', 3, 'order.shipped', 'email', 'en', 'leyla@example.com', 'Your order S-00000004 is on its way', 'Hello,
Your order S-00000004 has left our house.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your order S-00000004 is on its way</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Your order S-00000004 has left our house.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:13.116+00', '2026-11-27 06:55:03.087+00', '2026-11-27 06:55:03.087+00', '2026-11-27 06:55:03.136+00', NULL, 1, NULL, NULL, false, NULL, '00-2622322650e2a23f84e3518c28ec4f28-fb93f81b1a4235be-00');
INSERT INTO public.notifications VALUES ('01a21bc9-3db4-72cd-a029-53ebb818e873', '01a21bc9-3d40-76bc-a355-0b06bc4f3397', 3, 'order.shipped', 'sms', 'en', '+4915112345678', 'Your order S-00000004 is on its way', 'Souk: Your order S-00000004 is on its way.', NULL, 'sent', 0, NULL, '2026-11-27 06:55:13.117+00', '2026-11-27 06:55:03.087+00', '2026-11-27 06:55:03.087+00', '2026-11-27 06:55:03.152+00', NULL, 1, NULL, NULL, false, NULL, '00-2622322650e2a23f84e3518c28ec4f28-fb93f81b1a4235be-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4712-76a6-9ebb-c4271627d0c6', '01a21bc9-469c-74de-b246-73c10ece0a0e', 3, 'order.cancelled', 'email', 'en', 'leyla@example.com', 'Your order S-00000005 was cancelled', 'Hello,
As you wished, your order S-00000005 was cancelled. If you had paid, you get your money back; we tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your order S-00000005 was cancelled</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>As you wished, your order S-00000005 was cancelled. If you had paid, you get your money back; we tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:15.567+00', '2026-11-27 06:55:05.491+00', '2026-11-27 06:55:05.491+00', '2026-11-27 06:55:05.615+00', NULL, 1, NULL, NULL, false, NULL, '00-240d918f8cb3496daad6a9b0d0567e38-74af1cf4d0711950-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4959-72a8-8d33-b1afa6f2b62e', '01a21bc9-4929-7308-8a0b-af457db956d0', 3, 'order.placed', 'email', 'en', 'leyla@example.com', 'We have received your order S-00000006', 'Hello,
Thank you for your order S-00000006. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your order S-00000006</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you for your order S-00000006. We have set these things aside for you; please pay soon, as an order that stays unpaid expires.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:16.082+00', '2026-11-27 06:55:06.07+00', '2026-11-27 06:55:06.07+00', '2026-11-27 06:55:06.089+00', NULL, 1, NULL, NULL, false, NULL, '00-407048e134fbc22ab7c8767ec4673d72-0feedc79c098aabe-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4a5e-75c2-b81b-f9722a60d672', '01a21bc9-4a45-704e-9cba-27a380842092', 3, 'payment.failed', 'email', 'en', 'leyla@example.com', 'Your payment was not accepted', 'Hello,
The payment of 299.98 EUR for your order S-00000006 was not accepted (the card was declined). Nothing was charged.
Your order is kept for a while: you can pay again, also in another way.
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your payment was not accepted</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>The payment of 299.98 EUR for your order S-00000006 was not accepted (the card was declined). Nothing was charged.</p>
<p>Your order is kept for a while: you can pay again, also in another way.</p>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:16.35+00', '2026-11-27 06:55:06.33+00', '2026-11-27 06:55:06.33+00', '2026-11-27 06:55:06.366+00', NULL, 1, NULL, NULL, false, NULL, '00-c156a3e592c4c914191baefa4c78d60a-a0ce192e606e42a9-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4b5d-70c4-82a2-f52244aa7d57', '01a21bc9-4b23-71f2-830a-2b7bd30a6d22', 3, 'order.paid', 'email', 'en', 'leyla@example.com', 'We have received your payment of order S-00000006', 'Hello,
Thank you: your order S-00000006 is paid. We tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>We have received your payment of order S-00000006</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>Thank you: your order S-00000006 is paid. We tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:16.635+00', '2026-11-27 06:55:06.576+00', '2026-11-27 06:55:06.576+00', '2026-11-27 06:55:06.674+00', NULL, 1, NULL, NULL, false, NULL, '00-1cb9a5fc5e19863843305af35a156cba-87cf6c261c1bce88-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4bec-76af-8c37-f933e090601e', '01a21bc9-4b96-72ab-b1e8-ccb049294d95', 3, 'order.cancelled', 'email', 'en', 'leyla@example.com', 'Your order S-00000006 was cancelled', 'Hello,
As you wished, your order S-00000006 was cancelled. If you had paid, you get your money back; we tell you when it is on its way.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your order S-00000006 was cancelled</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>As you wished, your order S-00000006 was cancelled. If you had paid, you get your money back; we tell you when it is on its way.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:16.77+00', '2026-11-27 06:55:06.715+00', '2026-11-27 06:55:06.715+00', '2026-11-27 06:55:06.824+00', NULL, 1, NULL, NULL, false, NULL, '00-e014da4851d588af3a098e872d3673cf-374e92cf9b85be56-00');
INSERT INTO public.notifications VALUES ('01a21bc9-4c23-715c-a0ed-64cd162aa2da', '01a21bc9-4bdf-7462-b99a-a4583d149bb6', 3, 'order.refunded', 'email', 'en', 'leyla@example.com', 'The money of your order S-00000006 is on its way back', 'Hello,
We have given back 299.98 EUR for your order S-00000006. It can take some days until you see it in your account.
2 × Brass lamp: 59.98 EUR
1 × Kilim rug: 240.00 EUR
Total: 299.98 EUR
Your Souk team', '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The money of your order S-00000006 is on its way back</title>
</head>
<body style="margin:0;padding:24px;background:#f4f1ec;color:#22201d;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
<p style="margin:0 0 16px;font-size:20px;font-weight:bold">Souk</p>
<p>Hello,</p>
<p>We have given back 299.98 EUR for your order S-00000006. It can take some days until you see it in your account.</p>
<table style="width:100%;border-collapse:collapse;margin:16px 0">
<thead>
<tr>
<th scope="col" style="padding:8px 0;text-align:left;border-bottom:1px solid #c9c2b8">Article</th>
<th scope="col" style="padding:8px;text-align:right;border-bottom:1px solid #c9c2b8">Quantity</th>
<th scope="col" style="padding:8px 0;text-align:right;border-bottom:1px solid #c9c2b8">Sum</th>
</tr>
</thead>
<tbody>
<tr>
<td style="padding:8px 0">Brass lamp</td>
<td style="padding:8px;text-align:right">2</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">59.98 EUR</td>
</tr>
<tr>
<td style="padding:8px 0">Kilim rug</td>
<td style="padding:8px;text-align:right">1</td>
<td style="padding:8px 0;text-align:right;white-space:nowrap">240.00 EUR</td>
</tr>
</tbody>
<tfoot>
<tr>
<th scope="row" colspan="2" style="padding:8px 0;text-align:left;border-top:1px solid #c9c2b8">Total</th>
<td style="padding:8px 0;text-align:right;border-top:1px solid #c9c2b8;font-weight:bold;white-space:nowrap">299.98 EUR</td>
</tr>
</tfoot>
</table>
<p>Your Souk team</p>
<p style="margin:24px 0 0;font-size:13px;color:#5c564e">You get this message because you have an account at Souk. You can choose what you are told in the settings of your notifications.</p>
</div>
</body>
</html>', 'sent', 0, NULL, '2026-11-27 06:55:16.838+00', '2026-11-27 06:55:06.768+00', '2026-11-27 06:55:06.768+00', '2026-11-27 06:55:06.866+00', NULL, 1, NULL, NULL, false, NULL, '00-e014da4851d588af3a098e872d3673cf-374e92cf9b85be56-00');
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.notification_migrations
    ADD CONSTRAINT notification_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.preferences
    ADD CONSTRAINT preferences_pkey PRIMARY KEY (user_id);
CREATE INDEX inbox_by_age ON public.inbox USING btree (handled_at);
CREATE INDEX notifications_by_age ON public.notifications USING btree (created_at);
CREATE INDEX notifications_by_due ON public.notifications USING btree (status, due_at);
CREATE UNIQUE INDEX notifications_by_event ON public.notifications USING btree (event_id, channel);
CREATE UNIQUE INDEX notifications_by_resend_key ON public.notifications USING btree (resend_key) WHERE (resend_key IS NOT NULL);
CREATE INDEX notifications_by_status ON public.notifications USING btree (status, id);
CREATE INDEX notifications_by_user ON public.notifications USING btree (user_id, id);
